"""Strict JSON (RFC 8259), and only values that every store can hold (I-JSON, RFC 7493)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from math import isfinite
from typing import Any

import orjson

from service import errors

MAX_DEPTH = 32
"""Levels of nesting."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that all JSON implementations represent exactly (RFC 7493, 2.2)."""
OUT_OF_RANGE = object()
"""Stands for a number that a store cannot hold."""

RANGE_TEXT = f"Must be a number from -{MAX_INTEGER} to {MAX_INTEGER}."
NUL_TEXT = "Must not contain U+0000."

LONG_NUMBER = b"0" * 16
DIGITS_TO_0 = bytes.maketrans(b"123456789", b"000000000")
STRING_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*', re.DOTALL)


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON text.

    Raises HTTPError 400: not JSON, nested too deeply, or (by field) numbers and texts that a store cannot hold.
    """
    document, is_in_range = _parse(raw)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deeper(document, MAX_DEPTH):
        raise errors.INVALID_JSON(reason=f"nested more than {MAX_DEPTH} levels deep")
    if not (is_in_range and b"\\u0000" not in raw) and (found := unstorable(document)):
        raise errors.VALIDATION_FAILED(found if isinstance(found, dict) else {"_schema": found})
    return document


def _parse(raw: bytes) -> tuple[Any, bool]:
    """Return the value, and whether all its numbers are known to be in range."""
    try:
        document = orjson.loads(raw)
    except ValueError as error:
        return _parse_numbers(raw, error), False
    if LONG_NUMBER in raw.translate(DIGITS_TO_0):
        return _parse_numbers(raw), False
    return document, True


def _parse_numbers(raw: bytes, error: ValueError | None = None) -> Any:
    """Parse with the standard library, which is slower but passes each number as text.

    It accepts more than JSON, and orjson rejects infinite numbers; so orjson checks the text with those replaced by 0.
    """
    try:
        orjson.loads(STRING_OR_NUMBER.sub(_finite, raw) if error else raw)
        return json.loads(raw, parse_int=_integer, parse_float=_float)
    except (ValueError, RecursionError) as other:
        raise errors.INVALID_JSON(reason=str(error or other)) from None


def _finite(match: re.Match[bytes]) -> bytes:
    token = match[0]
    try:
        return token if token.startswith(b'"') or isfinite(float(token)) else b"0"
    except ValueError:
        return token  # not a number in JSON either


def _integer(digits: str) -> Any:
    return int(digits) if len(digits) <= 17 and abs(int(digits)) <= MAX_INTEGER else OUT_OF_RANGE


def _float(text: str) -> Any:
    return value if isfinite(value := float(text)) else OUT_OF_RANGE


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    parts = value if isinstance(value, list) else value.values()
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in parts)


def unstorable(value: Any) -> dict[Any, Any] | list[str] | None:
    """Return why a store could not hold a value: texts, or by member or element, nested as marshmallow has them."""
    if (
        value is OUT_OF_RANGE
        or (type(value) is int and abs(value) > MAX_INTEGER)
        or (type(value) is float and not isfinite(value))
    ):
        return [RANGE_TEXT]
    if isinstance(value, str):
        return [NUL_TEXT] if "\0" in value else None
    if not isinstance(value, dict | list):
        return None
    parts: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    found = {name: texts for name, part in parts if (texts := unstorable(name) or unstorable(part))}
    return found or None
