"""JSON responses, and the headers that every response has."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE

from service.errors import Headers
from service.http.app_keys import REQUEST_ID
from service.http.request_id import HEADER

NO_STORE = "no-store"
NO_CACHE = "no-cache"
"""May be stored by caches, but must be revalidated before each use (with If-None-Match)."""

DEFAULT_HEADERS = {
    "Server": "shipyard",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""The headers that every response has unless it sets them itself."""

NONE: dict[str, str] = {}
MAX_ONE_WRITE = 65_536
"""Bytes of a body that is written without waiting for the client to read."""


class JSONResponse(web.Response):
    """A response with a JSON body, or without a body.

    Where nothing unusual is asked for, it is written to the connection in one piece, which costs a third less than
    aiohttp's own way; otherwise (HEAD, HTTP/1.0, a closing connection, a cookie, compression, ...) aiohttp sends it.
    Both ways send the same headers; tests compare them.
    """

    request_id = ""
    """Set by the middleware if the response may be written in one piece."""
    _written = False
    _has_cookies = False

    def __init__(
        self, content: Any = None, status: int = 200, headers: Headers = NONE, *, cache: str = NO_STORE
    ) -> None:
        """content: JSON as bytes, or a value to serialize; None for no body. cache: the Cache-Control header."""
        body = content if content is None or type(content) is bytes else orjson.dumps(content)
        super().__init__(body=body, status=status, headers=headers)
        self.cache = cache

    @property
    def prepared(self) -> bool:
        return self._written or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        return True if self._written else super().keep_alive

    def set_cookie(self, *args: Any, **options: Any) -> None:
        self._has_cookies = True
        super().set_cookie(*args, **options)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the response in one piece if that is possible; else let aiohttp send its headers."""
        transport = request.transport
        if transport is not None and (data := self._one_piece(request, transport)) is not None:
            self._written = True
            transport.write(data)
            return None
        self.headers.setdefault(hdrs.CACHE_CONTROL, self.cache)
        if self.body is not None:
            self.headers.setdefault(hdrs.CONTENT_TYPE, "application/json")
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        if not self._written:
            await super().write_eof(data)

    def _one_piece(self, request: web.BaseRequest, transport: asyncio.WriteTransport) -> bytes | None:
        """Return status line, headers and body; None if aiohttp has to send the response."""
        body = self.body
        if (
            not self.request_id
            or type(body) is not bytes
            or len(body) > MAX_ONE_WRITE
            or (start := _STARTS.get((self.status, self.cache))) is None
            or request.version is not HttpVersion11
            or not request.keep_alive
            or super().keep_alive is not None
            or request.method == hdrs.METH_HEAD
            or self.compression
            or self.chunked
            or self._has_cookies
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            return None
        lines = ""
        for name, value in self.headers.items():
            # A line break is aiohttp's to reject; a header that `start` has already must not be there twice.
            if not value.isprintable() or name.lower() in _IN_START:
                return None
            lines += f"{name}: {value}\r\n"
        head = f"{start}{self.request_id}\r\n{lines}Content-Length: {len(body)}\r\nDate: {_date()}\r\n\r\n"
        return head.encode() + body


async def add_default_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every response has: a handler of the signal on_response_prepare."""
    complete(response, request[REQUEST_ID])


def complete(response: web.StreamResponse, request_id: str) -> None:
    """Add the headers that every response has."""
    if response.headers.get(hdrs.SERVER) == SERVER_SOFTWARE:
        del response.headers[hdrs.SERVER]  # aiohttp has set its own before the signal
    for name, value in DEFAULT_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault(hdrs.CACHE_CONTROL, NO_STORE)
    response.headers[HEADER] = request_id


def _start(status: int, cache: str) -> str:
    headers = {**DEFAULT_HEADERS, "Cache-Control": cache, "Content-Type": "application/json"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}{HEADER}: "


_STARTS = {(status, cache): _start(status, cache) for status in (200, 201) for cache in (NO_STORE, NO_CACHE)}
_IN_START = frozenset(
    name.lower()
    for name in (*DEFAULT_HEADERS, "Cache-Control", "Content-Type", HEADER, "Content-Length", "Date", "Connection")
)
_dated = (0, "")


def _date() -> str:
    """Return the Date header of this second."""
    global _dated  # a cache of one
    now = int(time.time())
    if now != _dated[0]:
        _dated = (now, formatdate(now, usegmt=True))
    return _dated[1]
