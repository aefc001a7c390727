"""FastAPI under uvicorn."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bench.peers import tokens
from bench.peers.model import Login, Ship, ShipFields
from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, SHIPS

app = FastAPI()
ships = {id: Ship(**ship) for id, ship in SHIPS.items()}


async def claims(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]):
    return tokens.read(f"Bearer {bearer.credentials}") or _fail(401)


def _fail(status):
    raise HTTPException(status)


@app.post("/auth/login")
def login(data: Login) -> dict[str, str]:
    return tokens.issue(data.username) if verify(data.username, data.password) else _fail(401)


@app.get("/api/ships")
async def read_all() -> list[Ship]:
    return list(ships.values())


@app.get("/api/ships/{id}")
async def read(id: int) -> Ship:
    return ships.get(id) or _fail(404)


@app.get("/bench/ships/{id}", dependencies=[Depends(claims)])
async def read_own(id: int) -> Ship:
    return ships.get(id) or _fail(404)


@app.put("/api/ships/{id}", dependencies=[Depends(claims)])
async def replace(id: int, data: ShipFields) -> Ship:
    if id not in ships:
        _fail(404)
    ships[id] = Ship(id=id, **data.model_dump())
    return ships[id]


@app.post("/api/ships", status_code=201, dependencies=[Depends(claims)])
async def add(data: ShipFields, request: Request, response: Response) -> Ship:
    id = next(NEXT_ID)
    ships[id] = Ship(id=id, **data.model_dump())
    response.headers["Location"] = str(request.url_for("read", id=id))
    return ships[id]
