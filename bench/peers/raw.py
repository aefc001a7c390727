"""A floor: a protocol on uvloop that reads nothing but the first line, and writes fixed bytes."""

import asyncio
import json

import uvloop

from bench.peers.given import PORT
from bench.work import KINDS

HEAD = "HTTP/1.1 {} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n"


def _whole(kind):
    body = json.dumps(kind.answer).encode()
    location = f"Location: {kind.path}/{kind.answer['id']}\r\n" if kind.status == 201 else ""
    return HEAD.format(kind.status, len(body), location).encode() + body


ANSWERS = {f"{kind.method} {kind.path} HTTP/1.1".encode(): _whole(kind) for kind in KINDS}


class Raw(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(ANSWERS[data[: data.find(b"\r\n")]])


async def serve():
    server = await asyncio.get_running_loop().create_server(Raw, "127.0.0.1", PORT)
    await server.serve_forever()


uvloop.run(serve())
