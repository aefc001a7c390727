"""Litestar on granian, with its JWT authentication and msgspec structs."""

from datetime import timedelta

import msgspec
from litestar import Litestar, Request, Response, get, post, put
from litestar.exceptions import NotAuthorizedException, NotFoundException, ValidationException
from litestar.security.jwt import JWTAuth, Token

from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, SECRET, SHIPS, USERS
from bench.peers.struct import Login, ShipFields
from bench.peers.tokens import LIFETIMES, REVOKED

decoder = msgspec.json.Decoder(ShipFields)
NAMES = {str(id): name for name, id in USERS.items()}


async def user(token: Token, _connection) -> str | None:
    return NAMES.get(token.sub) if token.extras.get("type") == "access" else None


async def revoked(token: Token, _connection) -> bool:
    return token.jti in REVOKED


auth = JWTAuth[str](
    retrieve_user_handler=user,
    revoked_token_handler=revoked,
    token_secret=SECRET,
    exclude_opt_key="open",
)


@post("/auth/login", status_code=200, open=True, sync_to_thread=True)
def login(data: Login) -> dict[str, str]:
    if not verify(data.username, data.password):
        raise NotAuthorizedException
    sub = str(USERS[data.username])
    return {
        f"{type}_token": auth.create_token(
            sub, timedelta(seconds=seconds), token_unique_jwt_id=f"{type}-{next(NEXT_ID)}", token_extras={"type": type}
        )
        for type, seconds in LIFETIMES.items()
    }


@get("/api/ships", open=True)
async def read_all() -> list[dict]:
    return list(SHIPS.values())


@get("/api/ships/{id:int}", open=True)
async def read(id: int) -> dict:
    return _ship(id)


@get("/bench/ships/{id:int}")
async def read_own(id: int) -> dict:
    return _ship(id)


@put("/api/ships/{id:int}")
async def replace(id: int, body: bytes) -> dict:
    _ship(id)
    SHIPS[id] = {"id": id, **_fields(body)}
    return SHIPS[id]


@post("/api/ships")
async def add(body: bytes, request: Request) -> Response[dict]:
    data = _fields(body)
    id = next(NEXT_ID)
    SHIPS[id] = {"id": id, **data}
    return Response(SHIPS[id], headers={"Location": f"{request.base_url}api/ships/{id}"})


def _ship(id: int) -> dict:
    if id not in SHIPS:
        raise NotFoundException
    return SHIPS[id]


# A `data: ShipFields` would accept "7" for 7: Litestar decodes bodies with msgspec's strict mode off.
def _fields(body: bytes) -> dict:
    try:
        return msgspec.structs.asdict(decoder.decode(body))
    except msgspec.ValidationError as error:
        raise ValidationException(str(error)) from error


app = Litestar([login, read_all, read, read_own, replace, add], on_app_init=[auth.on_app_init], openapi_config=None)
