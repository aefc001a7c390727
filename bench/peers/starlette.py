"""Starlette under uvicorn, with its documented orjson response and authentication middleware."""

import asyncio

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.peers import tokens
from bench.peers.model import Login, ShipFields
from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, SHIPS


class OrjsonResponse(JSONResponse):
    def render(self, content):
        return orjson.dumps(content)


class TokenBackend(AuthenticationBackend):
    async def authenticate(self, conn):
        if "authorization" not in conn.headers:
            return None
        claims = tokens.read(conn.headers["authorization"])
        return claims and (AuthCredentials(["authenticated"]), SimpleUser(claims["sub"]))


async def login(request):
    data = Login.model_validate_json(await request.body())
    if not await asyncio.to_thread(verify, data.username, data.password):
        raise HTTPException(401)
    return OrjsonResponse(tokens.issue(data.username))


async def read_all(_request):
    return OrjsonResponse(list(SHIPS.values()))


async def read(request):
    ship = SHIPS.get(request.path_params["id"])
    if ship is None:
        raise HTTPException(404)
    return OrjsonResponse(ship)


@requires("authenticated", status_code=401)
async def read_own(request):
    return await read(request)


@requires("authenticated", status_code=401)
async def replace(request):
    id = request.path_params["id"]
    if id not in SHIPS:
        raise HTTPException(404)
    SHIPS[id] = {"id": id, **(await _fields(request))}
    return OrjsonResponse(SHIPS[id])


@requires("authenticated", status_code=401)
async def add(request):
    data = await _fields(request)
    id = next(NEXT_ID)
    SHIPS[id] = {"id": id, **data}
    return OrjsonResponse(SHIPS[id], 201, {"Location": str(request.url_for("read", id=id))})


async def _fields(request):
    try:
        return ShipFields.model_validate_json(await request.body()).model_dump()
    except ValidationError as error:
        raise HTTPException(400, error.json()) from error


app = Starlette(
    routes=[
        Route("/auth/login", login, methods=["POST"]),
        Route("/api/ships", read_all),
        Route("/api/ships", add, methods=["POST"]),
        Route("/api/ships/{id:int}", read),
        Route("/api/ships/{id:int}", replace, methods=["PUT"]),
        Route("/bench/ships/{id:int}", read_own),
    ],
    middleware=[Middleware(AuthenticationMiddleware, backend=TokenBackend())],
)
