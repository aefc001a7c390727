"""BlackSheep on granian, with an authentication handler, orjson and pydantic models."""

import asyncio

import orjson
from blacksheep import Application, Response, get, post, put
from blacksheep.messages import Request, get_absolute_url_to_path
from blacksheep.server.authorization import auth
from blacksheep.server.bindings import FromJSON
from blacksheep.server.responses import created, json, not_found, unauthorized
from blacksheep.settings.json import json_settings
from guardpost import AuthenticationHandler, Identity
from guardpost.authorization import Policy
from guardpost.common import AuthenticatedRequirement

from bench.peers import tokens
from bench.peers.model import Login, ShipFields
from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, SHIPS

json_settings.use(loads=orjson.loads, dumps=lambda value: orjson.dumps(value).decode())
app = Application()


class Bearer(AuthenticationHandler):
    async def authenticate(self, context: Request):
        header = context.get_first_header(b"Authorization")
        claims = tokens.read(header.decode()) if header else None
        context.user = Identity(claims, "JWT") if claims else None
        return context.user


app.use_authentication().add(Bearer())
app.use_authorization().add(Policy("user", AuthenticatedRequirement()))


@post("/auth/login")
async def login(data: FromJSON[Login]) -> Response:
    name, password = data.value.username, data.value.password
    return json(tokens.issue(name)) if await asyncio.to_thread(verify, name, password) else unauthorized()


@get("/api/ships")
async def read_all() -> Response:
    return json(list(SHIPS.values()))


@get("/api/ships/{int:id}")
async def read(id: int) -> Response:
    return json(SHIPS[id]) if id in SHIPS else not_found()


@auth("user")
@get("/bench/ships/{int:id}")
async def read_own(id: int) -> Response:
    return json(SHIPS[id]) if id in SHIPS else not_found()


@auth("user")
@put("/api/ships/{int:id}")
async def replace(id: int, data: FromJSON[ShipFields]) -> Response:
    if id not in SHIPS:
        return not_found()
    SHIPS[id] = {"id": id, **data.value.model_dump()}
    return json(SHIPS[id])


@auth("user")
@post("/api/ships")
async def add(data: FromJSON[ShipFields], request: Request) -> Response:
    id = next(NEXT_ID)
    SHIPS[id] = {"id": id, **data.value.model_dump()}
    return created(SHIPS[id], get_absolute_url_to_path(request, f"/api/ships/{id}").value.decode())
