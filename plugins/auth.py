"""Login, refresh and logout with JWTs."""

from typing import Any

import orjson
from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import String

from service import (
    AUTHENTICATOR,
    BLOCKLIST,
    CLAIMS,
    TOKENS,
    HTTPError,
    JSONResponse,
    check_password_bytes,
    docs,
    load,
    public,
    read_json_object,
    refresh,
    request_schema,
    response_schema,
    user,
)

requires = ("users",)

TOKEN = {"example": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}


class LoginSchema(Schema):
    """Who somebody is."""

    username = String(required=True, metadata={"example": "user"})
    password = String(required=True, validate=check_password_bytes, metadata={"example": "password"})


class TokenSchema(Schema):
    """A new access token."""

    access_token = String(required=True, metadata=TOKEN)


class TokensSchema(TokenSchema):
    """The tokens of a login."""

    refresh_token = String(required=True, metadata=TOKEN)


class MessageSchema(Schema):
    """A word of confirmation."""

    message = String(required=True, metadata={"example": "Successfully logged out."})


routes = web.RouteTableDef()


@routes.post("/auth/login")
@public
@docs(summary="Log in", responses={401: {"description": "Username or password invalid."}})
@request_schema(LoginSchema, example={"username": "user", "password": "password"})
@response_schema(TokensSchema, 200, "The tokens of a new session.")
async def login(request: web.Request) -> web.StreamResponse:
    """Trade a name and a password for an access and a refresh token."""
    document = await read_json_object(request)
    if any(document.get(name) in (None, "") for name in ("username", "password")):
        raise HTTPError(400, "Username or password missing.", code="validation_failed")
    given = load(LoginSchema(), document)
    id = await request.app[AUTHENTICATOR].authenticate(given["username"], given["password"])
    if id is None:
        raise HTTPError(401, "Username or password invalid.", headers={"WWW-Authenticate": "Bearer"})
    pair = request.app[TOKENS].pair(id)
    return _answer(access_token=pair.access, refresh_token=pair.refresh)


@routes.post("/auth/refresh")
@refresh
@docs(summary="Get a new access token")
@response_schema(TokenSchema, 200, "A new access token.")
async def renew(request: web.Request) -> web.StreamResponse:
    """Trade a refresh token for an access token of the same session."""
    return _answer(access_token=request.app[TOKENS].renewed(request[CLAIMS]))


@routes.delete("/auth/logout")
@user
@docs(summary="Revoke this access token")
@response_schema(MessageSchema, 200, "It is dead; the refresh token lives.")
async def logout(request: web.Request) -> web.StreamResponse:
    """End the access token that the request brings."""
    return await _revoke(request)


@routes.delete("/auth/logout2")
@refresh
@docs(summary="Revoke this refresh token")
@response_schema(MessageSchema, 200, "It is dead.")
async def logout2(request: web.Request) -> web.StreamResponse:
    """End the refresh token that the request brings."""
    return await _revoke(request)


async def _revoke(request: web.Request) -> web.StreamResponse:
    await request.app[BLOCKLIST].revoke(request[CLAIMS])
    return _answer(message="Successfully logged out.")


def _answer(**members: Any) -> JSONResponse:
    return JSONResponse(orjson.dumps(members))
