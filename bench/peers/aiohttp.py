"""aiohttp as in its tutorial: function handlers, `json_response`, a middleware that verifies the token."""

import asyncio

from aiohttp import web
from marshmallow import ValidationError

from bench.peers import tokens
from bench.peers.passwords import verify
from bench.peers.schema import ShipSchema
from bench.peers.shared import NEXT_ID, PORT, SHIPS

routes = web.RouteTableDef()
schema = ShipSchema()


@web.middleware
async def authenticate(request, handler):
    if (request.method, request.path[:5]) not in {("GET", "/api/"), ("POST", "/auth")}:
        claims = tokens.read(request.headers.get("Authorization"))
        if claims is None:
            raise web.HTTPUnauthorized
        request["claims"] = claims
    return await handler(request)


@routes.post("/auth/login")
async def login(request):
    data = await request.json()
    if not await asyncio.to_thread(verify, data["username"], data["password"]):
        raise web.HTTPUnauthorized
    return web.json_response(tokens.issue(data["username"]))


@routes.get("/api/ships")
async def read_all(_request):
    return web.json_response(schema.dump(SHIPS.values(), many=True))


@routes.get(r"/api/ships/{id:\d+}", name="ship")
@routes.get(r"/bench/ships/{id:\d+}")
async def read(request):
    return web.json_response(schema.dump(_ship(int(request.match_info["id"]))))


@routes.put(r"/api/ships/{id:\d+}")
async def replace(request):
    id = int(request.match_info["id"])
    _ship(id)
    SHIPS[id] = {"id": id, **(await _fields(request))}
    return web.json_response(schema.dump(SHIPS[id]))


@routes.post("/api/ships")
async def add(request):
    data = await _fields(request)
    id = next(NEXT_ID)
    SHIPS[id] = {"id": id, **data}
    location = request.url.join(request.app.router["ship"].url_for(id=str(id)))
    return web.json_response(schema.dump(SHIPS[id]), status=201, headers={"Location": str(location)})


def _ship(id):
    if id not in SHIPS:
        raise web.HTTPNotFound
    return SHIPS[id]


async def _fields(request):
    try:
        return schema.load(await request.json())
    except ValidationError as error:
        raise web.HTTPBadRequest(text=str(error.messages)) from error


app = web.Application(middlewares=[authenticate])
app.add_routes(routes)
web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None)
