"""Sanic with its built-in server, orjson, and a token decorator as in its guide."""

import asyncio
from functools import wraps

import orjson
from pydantic import ValidationError
from sanic import Sanic
from sanic.exceptions import BadRequest, NotFound, Unauthorized
from sanic.response import json

from bench.peers import tokens
from bench.peers.model import Login, ShipFields
from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, SHIPS

app = Sanic("bench", dumps=orjson.dumps, loads=orjson.loads)
app.config.ACCESS_LOG = False


def protected(handler):
    @wraps(handler)
    async def checked(request, **params):
        claims = tokens.read(request.headers.get("authorization"))
        if claims is None:
            raise Unauthorized
        request.ctx.claims = claims
        return await handler(request, **params)

    return checked


@app.post("/auth/login")
async def login(request):
    data = Login.model_validate_json(request.body)
    if not await asyncio.to_thread(verify, data.username, data.password):
        raise Unauthorized
    return json(tokens.issue(data.username))


@app.get("/api/ships")
async def read_all(_request):
    return json(list(SHIPS.values()))


@app.get("/api/ships/<id:int>")
async def read(_request, id):
    if id not in SHIPS:
        raise NotFound
    return json(SHIPS[id])


@app.get("/bench/ships/<id:int>")
@protected
async def read_own(request, id):
    return await read(request, id)


@app.put("/api/ships/<id:int>")
@protected
async def replace(request, id):
    if id not in SHIPS:
        raise NotFound
    SHIPS[id] = {"id": id, **_fields(request)}
    return json(SHIPS[id])


@app.post("/api/ships")
@protected
async def add(request):
    data = _fields(request)
    id = next(NEXT_ID)
    SHIPS[id] = {"id": id, **data}
    return json(SHIPS[id], 201, {"Location": app.url_for("read", id=id, _external=True, _server=request.host)})


def _fields(request):
    try:
        return ShipFields.model_validate_json(request.body).model_dump()
    except ValidationError as error:
        raise BadRequest(error.json()) from error
