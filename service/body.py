"""The one strict reader of JSON bodies (RFC 8259, and of I-JSON what every store can keep: RFC 7493)."""

from __future__ import annotations

import asyncio
import json
from functools import lru_cache
from typing import Any, NoReturn

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.helpers import parse_mimetype

from service.errors import Refusal
from service.keys import SETTINGS

DEEPEST = 32
"""Levels of nesting."""
LARGEST = 2**53 - 1
"""The whole number up to which every JSON reader agrees (RFC 7493, 2.2)."""

JSON = ("application/json",)
MERGE_PATCH = ("application/json", "application/merge-patch+json")

LONG_NUMBER = b"0" * 16
DIGITS_TO_0 = bytes.maketrans(b"123456789", b"000000000")


async def read_object(request: web.Request, types: tuple[str, ...] = JSON) -> dict[str, Any]:
    """The JSON object that a request brings.

    Raises Refusal: 415 (another media type, charset or coding), 413 (more bytes than limits.body_bytes), 408 (not there
    after limits.body_seconds), 400 (no JSON, no object, or values that a store cannot keep).
    """
    _check_type(request, types)
    limits = request.app[SETTINGS].limits
    raw = await _read(request, limits.body_bytes, limits.body_seconds)
    document = parse(raw)
    if not isinstance(document, dict):
        raise Refusal(400, {"_schema": ["Invalid input type."]}, code="validation_failed")
    return document


def parse(raw: bytes) -> Any:
    """The value of a JSON text. Raises Refusal 400."""
    try:
        # The standard reader is slower, but can be asked about numbers before it makes them.
        document = _parse_numbers(raw) if _has_long_number(raw) else orjson.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"Not valid JSON: {error}", code="invalid_json") from None
    nested = raw.count(b"[") + raw.count(b"{") > DEEPEST
    if (nested or b"\\u0000" in raw) and (fault := _fault(document, DEEPEST)):
        raise Refusal(400, f"Not valid JSON: {fault}", code="invalid_json")
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


def _check_type(request: web.Request, types: tuple[str, ...]) -> None:
    headers = request.headers
    if not _is_one_of(headers.get(hdrs.CONTENT_TYPE, ""), types):
        _refuse_type(request, f"The body must be {types[0]}, in UTF-8.", types)
    if headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        _refuse_type(request, "The body must not be compressed.", types)


@lru_cache(256)
def _is_one_of(header: str, types: tuple[str, ...]) -> bool:
    media = parse_mimetype(header)
    charset = media.parameters.get("charset", "utf-8").lower()
    return f"{media.type}/{media.subtype}{'+' if media.suffix else ''}{media.suffix}" in types and charset == "utf-8"


def _refuse_type(request: web.Request, message: str, types: tuple[str, ...]) -> NoReturn:
    names = ("Accept-Post", "Accept-Patch") if request.method == hdrs.METH_PATCH else ("Accept-Post",)
    raise Refusal(415, message, headers=dict.fromkeys(names, ", ".join(types)))


async def _read(request: web.Request, limit: int, seconds: float) -> bytes:
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    if (expectation := request.headers.get(hdrs.EXPECT)) is not None:
        await _continue(request, expectation)
    content = request.content
    if content.is_eof():
        raw = content.read_nowait()
    else:
        try:
            async with asyncio.timeout(seconds):
                raw = await _collect(content, limit)
        except TimeoutError:
            raise Refusal(408, "The body did not come in time.", headers={"Connection": "close"}) from None
        except web.RequestPayloadError:
            raise Refusal(400, "The body is broken off or badly coded.", headers={"Connection": "close"}) from None
    if len(raw) > limit:
        raise _too_large(limit)
    return raw


async def _collect(content: Any, limit: int) -> bytes:
    parts, size = [], 0
    async for part in content.iter_any():
        parts.append(part)
        size += len(part)
        if size > limit:
            break
    return b"".join(parts)


async def not_yet(request: web.Request) -> None:  # aiohttp's handlers of Expect take the request
    """Say nothing when a request with `Expect: 100-continue` comes in: `read_object` does, once the body is wanted."""


async def _continue(request: web.Request, expectation: str) -> None:
    """Say 100 only now that the body is wanted, and only to who understands it (RFC 9110, 10.1.1)."""
    if request.version < HttpVersion11:
        return
    if expectation.lower() != "100-continue":
        raise Refusal(417, "Only 100-continue can be expected.", headers={"Connection": "close"})
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"The body must not have more than {limit} bytes.", headers={"Connection": "close"})
