"""Answer: JSON bytes with the headers that every answer has, written in one piece where nothing unusual is asked."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from service.errors import Headers
from service.http.request_id import HEADER

NO_STORE = "no-store"
NO_CACHE = "no-cache"
"""May be kept, but asked about before each use (with If-None-Match)."""

STANDING = {
    "Server": "shipyard",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""What every answer says unless it says otherwise."""

NONE: dict[str, str] = {}
STOCK: Any = web.Response  # Any, since mypy sees no functions behind a property
LARGEST = 65_536
"""Bytes of a body that goes out without asking whether the client keeps up."""

Said = tuple[bytes | None, int, Headers, str]
"""What an answer says while it is lean: body, status, headers, Cache-Control."""


class JSONResponse(web.Response):
    """An answer of JSON bytes, or of none.

    It begins lean: no more than what it was given. Asked for anything but to be sent, or to be sent in an unusual way
    (HEAD, HTTP/1.0, a closing connection, a signal, a status other than 200 and 201, a client that does not keep up),
    it becomes the stock response, which says the same; tests hold the two together.
    """

    said: Said | None
    request_id: str
    sent = False

    # aiohttp looks on each answer whether it is an exception; without this it would ask __getattr__.
    __http_exception__ = False

    def __init__(
        self, body: bytes | None = None, status: int = 200, headers: Headers = NONE, *, cache: str = NO_STORE
    ) -> None:
        """cache: the Cache-Control."""
        state = self.__dict__  # looked up once in each method, since __getattr__ makes every look-up slow
        state["said"] = (body, status, headers, cache)
        state["request_id"] = ""

    def stamp(self, request_id: str) -> None:
        """Say which request this answers; only then, and if nobody looks into it, may it go out lean."""
        state = self.__dict__
        state["request_id"] = request_id
        if state["said"] is None:
            self.headers[HEADER] = request_id

    def stock(self) -> None:
        """Become the stock response."""
        said = self.__dict__["said"]
        if said is None:
            return
        self.__dict__["said"] = None
        body, status, given, cache = said
        own = {HEADER: self.request_id} if self.request_id else NONE
        kind = NONE if body is None else {hdrs.CONTENT_TYPE: "application/json"}
        headers = {**STANDING, hdrs.CACHE_CONTROL: cache, **kind, **given, **own}
        super().__init__(body=body, status=status, headers=headers)

    def __getattr__(self, name: str) -> Any:
        """What only the stock response has."""
        if self.__dict__.get("said") is None:
            raise AttributeError(name)
        self.stock()
        return getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.stock()
        super().__setattr__(name, value)

    @property
    def status(self) -> int:
        return super().status if (said := self.said) is None else said[1]

    @property
    def body(self) -> Any:
        self.stock()
        return super().body

    @body.setter
    def body(self, body: Any) -> None:
        STOCK.body.fset(self, body)

    @property
    def text(self) -> str | None:
        self.stock()
        return super().text

    @text.setter
    def text(self, text: str) -> None:
        STOCK.text.fset(self, text)

    @property
    def content_length(self) -> int | None:
        self.stock()
        return super().content_length

    @content_length.setter
    def content_length(self, value: int | None) -> None:
        STOCK.content_length.fset(self, value)

    @property
    def prepared(self) -> bool:
        return self.sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        return True if self.sent else super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it whole if it is lean and may be."""
        state, transport = self.__dict__, request.transport
        said = state["said"]
        if (
            said is None
            or transport is None
            or (whole := _whole(said, state["request_id"], request, transport)) is None
        ):
            self.stock()
            return await super().prepare(request)
        state["sent"] = True
        transport.write(whole)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        if not self.sent:
            await super().write_eof(data)


def complete(response: web.StreamResponse, request_id: str) -> None:
    """Give a stock response what every answer says, and the id of its request."""
    if not response.prepared:
        for name, value in {**STANDING, hdrs.CACHE_CONTROL: NO_STORE}.items():
            response.headers.setdefault(name, value)
        response.headers[HEADER] = request_id


def _whole(said: Said, request_id: str, request: web.BaseRequest, transport: asyncio.WriteTransport) -> bytes | None:
    """All the bytes of a lean answer; None where the stock response has to send it."""
    body, status, headers, cache = said
    if (
        body is None
        or not request_id
        or len(body) > LARGEST
        or (start := _STARTS.get((status, cache))) is None
        or request.version is not HttpVersion11
        or not request.keep_alive
        or request.method == hdrs.METH_HEAD
        or transport.is_closing()
        or transport.get_write_buffer_size()
    ):
        return None
    own = ""
    for name, value in headers.items():
        if not value.isprintable():  # a line break: the stock response refuses it
            return None
        own += f"{name}: {value}\r\n"
    head = f"{start}{request_id}\r\n{own}Content-Length: {len(body)}\r\nDate: {_date()}\r\n\r\n"
    return head.encode() + body


def _start(status: int, cache: str) -> str:
    lines = {**STANDING, "Cache-Control": cache, "Content-Type": "application/json"}
    said = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{said}{HEADER}: "


_STARTS = {(status, cache): _start(status, cache) for status in (200, 201) for cache in (NO_STORE, NO_CACHE)}
_dated = (0, "")


def _date() -> str:
    """The Date header of this second."""
    global _dated  # a cache of one
    now = int(time.time())
    if now != _dated[0]:
        _dated = (now, formatdate(now, usegmt=True))
    return _dated[1]
