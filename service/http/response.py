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
from multidict import CIMultiDict

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
"""The headers that are added to every response that does not set them."""

NONE: dict[str, str] = {}
MAX_ONE_WRITE = 65_536
"""Maximum size of a body that is written without waiting for the client to read, in bytes."""


class JSONResponse(web.StreamResponse):
    """A response with a JSON body, or without a body.

    Most responses are written to the connection in one piece, which takes a third less time than a web.Response; the
    others (HEAD, HTTP/1.0, a closing connection, a cookie, compression, ...) are sent as a web.Response. Both have the
    same headers.
    """

    # They replace properties of the base class. What its methods set is in __dict__, which is empty for most responses.
    __slots__ = ("body", "cache", "headers", "keep_alive", "request_id", "status", "stock")

    body: bytes | None
    cache: str
    headers: dict[str, str]  # type: ignore[assignment]  # a dict is much faster than a multidict
    keep_alive: bool | None
    request_id: str
    status: int
    stock: web.Response | None

    def __init__(
        self, content: Any = None, status: int = 200, headers: Headers = NONE, *, cache: str = NO_STORE
    ) -> None:
        """content: JSON as bytes, or a value to serialize; None for no body. cache: the Cache-Control header."""
        self.body = content if content is None or type(content) is bytes else orjson.dumps(content)
        self.status = status
        self.headers = {**headers}
        self.cache = cache
        self.request_id = ""  # set by the middleware if the response may be written in one piece
        self.keep_alive = self.stock = None

    def set_status(self, status: int, reason: str | None = None) -> None:  # noqa: ARG002  # the phrase of the status is sent
        """Set the status."""
        self.status = status

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the response in one piece if that is possible; else start to send it as a web.Response."""
        transport = request.transport
        if transport is not None and (data := self._one_piece(request, transport)) is not None:
            self.keep_alive = True
            transport.write(data)
            return None
        headers = CIMultiDict[str]({"Cache-Control": self.cache})
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        headers.update(self.headers)
        self.stock = web.Response(body=self.body, status=self.status, headers=headers)
        vars(self.stock).update(vars(self))
        writer = await self.stock.prepare(request)
        self.keep_alive = self.stock.keep_alive
        return writer

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002  # the signature of the base class
        """Send the rest of the response."""
        if self.stock is not None:
            await self.stock.write_eof()

    def _one_piece(self, request: web.BaseRequest, transport: asyncio.WriteTransport) -> bytes | None:
        """Return the whole response as bytes; None if it has to be sent as a web.Response."""
        body = self.body
        if (
            not self.request_id
            or body is None
            or len(body) > MAX_ONE_WRITE
            or vars(self)
            or (start := _STARTS.get((self.status, self.cache))) is None
            or request.version is not HttpVersion11
            or not request.keep_alive
            or request.method == hdrs.METH_HEAD
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            return None
        lines = ""
        for name, value in self.headers.items():
            # aiohttp rejects line breaks; a header that is in `start` must not be sent twice.
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
        del response.headers[hdrs.SERVER]  # aiohttp sets it before the signal
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
    """Return the value of the Date header, which is cached for a second."""
    global _dated
    now = int(time.time())
    if now != _dated[0]:
        _dated = (now, formatdate(now, usegmt=True))
    return _dated[1]
