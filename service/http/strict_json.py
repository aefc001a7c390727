"""Strict JSON (RFC 8259), and of I-JSON (RFC 7493) what every store can hold."""

from __future__ import annotations

import json
from typing import Any

import orjson

from service.errors import HTTPError

DEEPEST = 32
"""Levels of nesting."""
LARGEST = 2**53 - 1
"""The whole number up to which every JSON reader agrees (RFC 7493, 2.2)."""

LONG_NUMBER = b"0" * 16
DIGITS_TO_0 = bytes.maketrans(b"123456789", b"000000000")


def parse(raw: bytes) -> Any:
    """The value of a JSON text. Raises HTTPError 400."""
    try:
        # The standard reader is slower, but can be asked about numbers before it makes them.
        document = _parse_numbers(raw) if _has_long_number(raw) else orjson.loads(raw)
    except (ValueError, RecursionError) as error:
        raise HTTPError(400, f"Not valid JSON: {error}", code="invalid_json") from None
    nested = raw.count(b"[") + raw.count(b"{") > DEEPEST
    if (nested or b"\\u0000" in raw) and (fault := _fault(document, DEEPEST)):
        raise HTTPError(400, f"Not valid JSON: {fault}", code="invalid_json")
    return document


def _has_long_number(raw: bytes) -> bool:
    """Whether 16 digits stand in a row."""
    return LONG_NUMBER in raw.translate(DIGITS_TO_0)


def _parse_numbers(raw: bytes) -> Any:
    orjson.loads(raw)  # the grammar is its, whoever reads the numbers
    return json.loads(raw, parse_int=_whole)


def _whole(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST:
        raise ValueError("a whole number is beyond 9007199254740991")
    return int(digits)


def _fault(value: Any, levels: int) -> str | None:
    if isinstance(value, str):
        return "a text holds U+0000" if "\0" in value else None
    if not isinstance(value, dict | list):
        return None
    if levels == 0:
        return f"it is nested more than {DEEPEST} levels deep"
    parts = value if isinstance(value, list) else [*value, *value.values()]
    return next((fault for part in parts if (fault := _fault(part, levels - 1))), None)
