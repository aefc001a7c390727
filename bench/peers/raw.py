"""Baseline: a protocol on uvloop that reads only the request line and returns fixed bytes."""

import asyncio
import json

import uvloop

from bench.peers.shared import PORT
from bench.workloads import WORKLOADS

HEAD = "HTTP/1.1 {} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n"


def _response(workload):
    body = json.dumps(workload.expected).encode()
    location = f"Location: {workload.path}/{workload.expected['id']}\r\n" if workload.status == 201 else ""
    return HEAD.format(workload.status, len(body), location).encode() + body


RESPONSES = {f"{workload.method} {workload.path} HTTP/1.1".encode(): _response(workload) for workload in WORKLOADS}


class Raw(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(RESPONSES[data[: data.find(b"\r\n")]])


async def serve():
    server = await asyncio.get_running_loop().create_server(Raw, "127.0.0.1", PORT)
    await server.serve_forever()


uvloop.run(serve())
