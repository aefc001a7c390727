"""Fields for schemas."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Length

ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
"""The pattern of texts without control characters (C0, DEL, C1), as the API description shows it."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn"})
"""General categories (Unicode 4.5) of invisible characters."""


class Line(fields.String):
    """Text on one line: no control characters, and something visible in it. Lengths are in characters."""

    def __init__(self, *, min_length: int = 1, max_length: int = 200, **options: Any) -> None:
        options["metadata"] = {"pattern": ONE_LINE, **options.get("metadata", {})}
        lengths = [Length(min=min_length), Length(max=max_length)]
        checks: list[Callable[[str], Any]] = [*lengths, no_control_characters, not_blank]
        super().__init__(validate=checks, **options)


def no_control_characters(text: str) -> None:
    """Raise ValidationError if a text has control characters (C0, DEL, C1)."""
    if CONTROL.search(text):
        raise ValidationError("Must not contain control characters.")


def not_blank(text: str) -> None:
    """Raise ValidationError if a text has only white space and invisible characters."""
    if text.isascii() and text.strip():
        return
    if all(unicodedata.category(character) in INVISIBLE for character in text):
        raise ValidationError("Must not be blank.")
