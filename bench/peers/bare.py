"""A floor: one aiohttp handler that answers fixed bytes, on uvloop, with no middleware."""

import json

import uvloop
from aiohttp import web

from bench.peers.given import PORT
from bench.work import KINDS

ANSWERS = {(kind.method, kind.path): (kind.status, json.dumps(kind.answer).encode()) for kind in KINDS}


async def answer(request):
    if request.body_exists:
        await request.read()
    status, body = ANSWERS[request.method, request.path]
    headers = {"Location": f"{request.path}/16"} if status == 201 else None
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


app = web.Application()
app.router.add_route("*", "/{path:.*}", answer)
web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None, loop=uvloop.new_event_loop())
