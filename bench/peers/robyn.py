"""Robyn with its built-in server and its authentication handler."""

import orjson
from pydantic import ValidationError
from robyn import Headers, Request, Response, Robyn
from robyn.authentication import AuthenticationHandler, BearerGetter, Identity

from bench.peers import tokens
from bench.peers.model import Login, ShipFields
from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, PORT, SHIPS

app = Robyn(__file__)
JSON = {"Content-Type": "application/json"}


class Bearer(AuthenticationHandler):
    def authenticate(self, request: Request):
        claims = tokens.read(request.headers.get("authorization"))
        return Identity(claims={"sub": claims["sub"]}) if claims else None


app.configure_authentication(Bearer(token_getter=BearerGetter()))


def respond(value, status=200, headers=JSON):
    return Response(status_code=status, headers=Headers(headers), description=orjson.dumps(value))


@app.post("/auth/login")
def login(request: Request):
    data = Login.model_validate_json(request.body)
    return respond(tokens.issue(data.username)) if verify(data.username, data.password) else respond({}, 401)


@app.get("/api/ships")
async def read_all():
    return respond(list(SHIPS.values()))


@app.get("/api/ships/:id")
async def read(request: Request):
    ship = SHIPS.get(int(request.path_params["id"]))
    return respond(ship) if ship else respond({}, 404)


@app.get("/bench/ships/:id", auth_required=True)
async def read_own(request: Request):
    ship = SHIPS.get(int(request.path_params["id"]))
    return respond(ship) if ship else respond({}, 404)


@app.put("/api/ships/:id", auth_required=True)
async def replace(request: Request):
    id = int(request.path_params["id"])
    if id not in SHIPS:
        return respond({}, 404)
    try:
        SHIPS[id] = {"id": id, **ShipFields.model_validate_json(request.body).model_dump()}
    except ValidationError as error:
        return respond(error.errors(include_url=False, include_context=False), 400)
    return respond(SHIPS[id])


@app.post("/api/ships", auth_required=True)
async def add(request: Request):
    try:
        data = ShipFields.model_validate_json(request.body).model_dump()
    except ValidationError as error:
        return respond(error.errors(include_url=False, include_context=False), 400)
    id = next(NEXT_ID)
    SHIPS[id] = {"id": id, **data}
    return respond(SHIPS[id], 201, JSON | {"Location": f"{request.url.scheme}://{request.url.host}/api/ships/{id}"})


app.start(host="127.0.0.1", port=PORT)
