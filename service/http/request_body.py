"""The one strict reader of JSON bodies (RFC 8259, and of I-JSON what every store can keep: RFC 7493)."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any, NoReturn

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.helpers import parse_mimetype

from service.errors import HTTPError
from service.http.app_keys import SETTINGS
from service.http.strict_json import parse

JSON = ("application/json",)
MERGE_PATCH = ("application/json", "application/merge-patch+json")


async def read_json_object(request: web.Request, types: tuple[str, ...] = JSON) -> dict[str, Any]:
    """The JSON object that a request brings.

    Raises HTTPError: 415 (another media type, charset or coding), 413 (more bytes than limits.body_bytes), 408 (not
    received within limits.body_seconds), 400 (no JSON, no object, or values that a store cannot hold).
    """
    _check_type(request, types)
    limits = request.app[SETTINGS].limits
    raw = await _read(request, limits.body_bytes, limits.body_seconds)
    document = parse(raw)
    if not isinstance(document, dict):
        raise HTTPError(400, {"_schema": ["Invalid input type."]}, code="validation_failed")
    return document


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
    raise HTTPError(415, message, headers=dict.fromkeys(names, ", ".join(types)))


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
            raise HTTPError(408, "The body did not come in time.", headers={"Connection": "close"}) from None
        except web.RequestPayloadError:
            raise HTTPError(400, "The body is broken off or badly coded.", headers={"Connection": "close"}) from None
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


async def defer_continue(request: web.Request) -> None:  # aiohttp's handlers of Expect take the request
    """Say nothing when a request with `Expect: 100-continue` comes in: `read_object` does, once the body is wanted."""


async def _continue(request: web.Request, expectation: str) -> None:
    """Say 100 only now that the body is wanted, and only to who understands it (RFC 9110, 10.1.1)."""
    if request.version < HttpVersion11:
        return
    if expectation.lower() != "100-continue":
        raise HTTPError(417, "Only 100-continue can be expected.", headers={"Connection": "close"})
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0


def _too_large(limit: int) -> HTTPError:
    return HTTPError(413, f"The body must not have more than {limit} bytes.", headers={"Connection": "close"})
