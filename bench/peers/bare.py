"""Baseline: one aiohttp handler that returns fixed bytes, on uvloop, without middleware."""

import json

import uvloop
from aiohttp import web

from bench.peers.shared import PORT
from bench.workloads import WORKLOADS

RESPONSES = {(it.method, it.path): (it.status, json.dumps(it.expected).encode()) for it in WORKLOADS}


async def respond(request):
    if request.body_exists:
        await request.read()
    status, body = RESPONSES[request.method, request.path]
    headers = {"Location": f"{request.path}/16"} if status == 201 else None
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


app = web.Application()
app.router.add_route("*", "/{path:.*}", respond)
web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None, loop=uvloop.new_event_loop())
