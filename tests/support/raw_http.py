"""A connection to the service, byte by byte: what no HTTP client would send, and exactly what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson
from multidict import CIMultiDict

PATIENCE = 20.0
"""Seconds after which something hangs that should not."""


class Answer(NamedTuple):
    """One answer as it came over the wire."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, sent: bytes) -> None:
        """Send these bytes."""
        self._writer.write(sent)

    async def answer(self, *, body: bool = True) -> Answer:
        """The next answer; `body`: whether one belongs to it (not so after HEAD)."""
        async with asyncio.timeout(PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers: CIMultiDict[str] = CIMultiDict()
            for line in head[1:-2]:
                name, _, value = line.partition(": ")
                headers.add(name, value)
            size = int(headers.get("Content-Length", 0)) if body else 0
            return Answer(int(head[0].split(" ")[1]), headers, await self._reader.readexactly(size))

    async def ended(self) -> bool:
        """Whether the other side says no more and closes."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._reader.read() == b""
        except ConnectionResetError:  # it closed without reading all that was sent
            return True


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Wire]:
    """A connection to 127.0.0.1."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def ask(port: int, sent: bytes, *, body: bool = True) -> Answer:
    """The first answer to these bytes on a connection of their own."""
    async with connected(port) as wire:
        wire.send(sent)
        return await wire.answer(body=body)


def request(line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """The bytes of a request with this line, without its version."""
    size = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}", *size, *headers, "", ""]).encode() + body
