"""A raw connection to the service: sends arbitrary bytes and parses the responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson
from multidict import CIMultiDict

TIMEOUT = 20.0
"""Seconds to wait for a response or for the end of a connection."""


class RawResponse(NamedTuple):
    """One response as it was received."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Connection:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self._writer.write(data)

    async def response(self, *, body: bool = True) -> RawResponse:
        """Return the next response; body: whether it has a body (a response to HEAD has none)."""
        async with asyncio.timeout(TIMEOUT):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers: CIMultiDict[str] = CIMultiDict()
            for line in head[1:-2]:
                name, _, value = line.partition(": ")
                headers.add(name, value)
            size = int(headers.get("Content-Length", 0)) if body else 0
            return RawResponse(int(head[0].split(" ")[1]), headers, await self._reader.readexactly(size))

    async def is_closed(self) -> bool:
        """Return whether the server closes the connection without sending more."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._reader.read() == b""
        except ConnectionResetError:  # closed with unread data in its buffer
            return True


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Open a connection to 127.0.0.1."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def ask(port: int, data: bytes, *, body: bool = True) -> RawResponse:
    """Return the first response to these bytes, sent on a new connection."""
    async with connected(port) as connection:
        connection.send(data)
        return await connection.response(body=body)


def request(line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """Return the bytes of a request; line: its method and target."""
    size = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}", *size, *headers, "", ""]).encode() + body
