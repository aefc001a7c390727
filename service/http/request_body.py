"""JSON request bodies: media type, size, time, and Expect: 100-continue."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from aiohttp import HttpVersion11, StreamReader, hdrs, web
from aiohttp.helpers import parse_mimetype
from aiohttp.http_exceptions import PayloadEncodingError

from service import errors
from service.errors import ErrorType, HTTPError
from service.http.app_keys import SETTINGS
from service.http.strict_json import parse_json

JSON = ("application/json",)
MERGE_PATCH = ("application/json", "application/merge-patch+json")


async def read_json_object(request: web.Request, types: tuple[str, ...] = JSON) -> dict[str, Any]:
    """Return the JSON object in the body of a request.

    Raises HTTPError: 415 (another media type, charset or coding), 413 (more bytes than limits.body_bytes), 408 (not
    received within limits.body_seconds), 400 (not JSON, not an object, or values that a store cannot hold).
    """
    _check_type(request, types)
    limits = request.app[SETTINGS].limits
    raw = await _read(request, limits.body_bytes, limits.body_seconds)
    document = parse_json(raw)
    if not isinstance(document, dict):
        raise errors.NOT_AN_OBJECT()
    return document


async def defer_continue(request: web.Request) -> None:  # the signature of aiohttp's expect handlers
    """Send nothing yet for `Expect: 100-continue`; read_json_object does, once it needs the body."""


def _check_type(request: web.Request, types: tuple[str, ...]) -> None:
    headers = request.headers
    if not _is_one_of(headers.get(hdrs.CONTENT_TYPE, ""), types):
        raise _unsupported(errors.UNSUPPORTED_MEDIA_TYPE, request, types)
    if headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise _unsupported(errors.COMPRESSED_BODY, request, types)


@lru_cache(256)
def _is_one_of(header: str, types: tuple[str, ...]) -> bool:
    media = parse_mimetype(header)
    charset = media.parameters.get("charset", "utf-8").lower()
    return f"{media.type}/{media.subtype}{'+' if media.suffix else ''}{media.suffix}" in types and charset == "utf-8"


def _unsupported(kind: ErrorType, request: web.Request, types: tuple[str, ...]) -> HTTPError:
    names = ("Accept-Post", "Accept-Patch") if request.method == hdrs.METH_PATCH else ("Accept-Post",)
    return kind(media_type=types[0], headers=dict.fromkeys(names, ", ".join(types)))


async def _read(request: web.Request, limit: int, seconds: float) -> bytes:
    if (request.content_length or 0) > limit:
        raise errors.BODY_TOO_LARGE(limit=limit)
    if (expectation := request.headers.get(hdrs.EXPECT)) is not None:
        await _continue(request, expectation)
    content = request.content
    raw = content.read_nowait() if content.is_eof() else await _receive(content, limit, seconds)
    if len(raw) > limit:
        raise errors.BODY_TOO_LARGE(limit=limit)
    return raw


async def _receive(content: StreamReader, limit: int, seconds: float) -> bytes:
    """Return the body, or the first part of it that is longer than the limit."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in content.iter_any():
                parts.append(part)
                size += len(part)
                if size > limit:
                    break
    except TimeoutError:
        raise errors.BODY_TIMEOUT() from None
    except (web.RequestPayloadError, PayloadEncodingError):  # which of them depends on when the parser finds out
        raise errors.BROKEN_BODY() from None
    return b"".join(parts)


async def _continue(request: web.Request, expectation: str) -> None:
    """Send 100 Continue now that the body is needed, and only to clients that understand it (RFC 9110, 10.1.1)."""
    if request.version < HttpVersion11:
        return
    if expectation.lower() != "100-continue":
        raise errors.EXPECTATION_FAILED()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
