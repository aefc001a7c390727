"""Falcon's ASGI app under uvicorn, with its documented msgspec recipe."""

import asyncio

import falcon
import falcon.asgi
import falcon.media
import msgspec

from bench.peers import tokens
from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, SHIPS
from bench.peers.struct import Login, ShipFields

OPEN = {"GET": "/api/", "POST": "/auth/"}


class Tokens:
    async def process_request(self, req, _resp):
        if req.path.startswith(OPEN.get(req.method, "//")):
            return
        claims = tokens.read(req.get_header("Authorization"))
        if claims is None:
            raise falcon.HTTPUnauthorized
        req.context.claims = claims


class Sessions:
    async def on_post(self, req, resp):
        data = msgspec.convert(await req.get_media(), Login)
        if not await asyncio.to_thread(verify, data.username, data.password):
            raise falcon.HTTPUnauthorized
        resp.media = tokens.issue(data.username)


class Ships:
    async def on_get(self, _req, resp):
        resp.media = list(SHIPS.values())

    async def on_post(self, req, resp):
        data = await _fields(req)
        id = next(NEXT_ID)
        SHIPS[id] = {"id": id, **data}
        resp.media, resp.status, resp.location = SHIPS[id], falcon.HTTP_CREATED, f"{req.prefix}/api/ships/{id}"


class Ship:
    async def on_get(self, _req, resp, id):
        if id not in SHIPS:
            raise falcon.HTTPNotFound
        resp.media = SHIPS[id]

    async def on_put(self, req, resp, id):
        if id not in SHIPS:
            raise falcon.HTTPNotFound
        SHIPS[id] = {"id": id, **(await _fields(req))}
        resp.media = SHIPS[id]


async def _fields(req):
    return msgspec.structs.asdict(msgspec.convert(await req.get_media(), ShipFields))


async def _invalid(_req, _resp, error, _params):
    raise falcon.HTTPBadRequest(description=str(error))


app = falcon.asgi.App(middleware=[Tokens()])
json_handler = falcon.media.JSONHandler(dumps=msgspec.json.Encoder().encode, loads=msgspec.json.Decoder().decode)
for options in app.req_options, app.resp_options:
    options.media_handlers[falcon.MEDIA_JSON] = json_handler
app.add_error_handler(msgspec.ValidationError, _invalid)
app.add_route("/auth/login", Sessions())
app.add_route("/api/ships", Ships())
app.add_route("/api/ships/{id:int}", Ship())
app.add_route("/bench/ships/{id:int}", Ship())
