"""Login, refresh and logout with JWTs."""

from typing import Any

from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import String
from marshmallow.validate import Length

from service import (
    AUTHENTICATOR,
    BLOCKLIST,
    CLAIMS,
    TOKENS,
    JSONResponse,
    check_password_bytes,
    docs,
    errors,
    public,
    read_json_object,
    refresh,
    request_schema,
    response_schema,
    user,
    validate,
)

requires = ("users",)

TOKEN = {"example": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}


class LoginSchema(Schema):
    """The credentials of a user."""

    username = String(required=True, validate=Length(min=1, max=64), metadata={"example": "user"})
    password = String(required=True, validate=[Length(min=1), check_password_bytes], metadata={"example": "password"})


class TokenSchema(Schema):
    """A new access token."""

    access_token = String(required=True, metadata=TOKEN)


class TokensSchema(TokenSchema):
    """The tokens of a login."""

    refresh_token = String(required=True, metadata=TOKEN)


class MessageSchema(Schema):
    """A confirmation."""

    message = String(required=True, metadata={"example": "Successfully logged out."})


routes = web.RouteTableDef()


@routes.post("/auth/login")
@public
@docs(
    summary="Log in",
    errors=[errors.CREDENTIALS_MISSING(), errors.CREDENTIALS_INVALID(), errors.TOO_MANY_LOGINS()],
)
@request_schema(LoginSchema, example={"username": "user", "password": "password"})
@response_schema(TokensSchema, 200, "The tokens of a new session.")
async def login(request: web.Request) -> web.StreamResponse:
    """Return an access and a refresh token for a name and a password."""
    document = await read_json_object(request)
    if any(document.get(name) in (None, "") for name in ("username", "password")):
        raise errors.CREDENTIALS_MISSING()
    credentials = validate(LoginSchema(), document)
    id = await request.app[AUTHENTICATOR].authenticate(credentials["username"], credentials["password"])
    if id is None:
        raise errors.CREDENTIALS_INVALID()
    pair = request.app[TOKENS].pair(id)
    return _response(access_token=pair.access, refresh_token=pair.refresh)


@routes.post("/auth/refresh")
@refresh
@docs(summary="Get a new access token")
@response_schema(TokenSchema, 200, "A new access token.")
async def renew(request: web.Request) -> web.StreamResponse:
    """Return a new access token of the session that the refresh token belongs to."""
    return _response(access_token=request.app[TOKENS].renew(request[CLAIMS]))


@routes.delete("/auth/logout")
@user
@docs(summary="Revoke this access token")
@response_schema(MessageSchema, 200, "Access token revoked; the refresh token stays valid.")
async def logout(request: web.Request) -> web.StreamResponse:
    """Revoke the access token of the request."""
    return await _revoke(request)


@routes.delete("/auth/logout2")
@refresh
@docs(summary="Revoke this refresh token")
@response_schema(MessageSchema, 200, "Refresh token revoked.")
async def logout2(request: web.Request) -> web.StreamResponse:
    """Revoke the refresh token of the request."""
    return await _revoke(request)


async def _revoke(request: web.Request) -> web.StreamResponse:
    await request.app[BLOCKLIST].revoke(request[CLAIMS])
    return _response(message="Successfully logged out.")


def _response(**members: Any) -> JSONResponse:
    return JSONResponse(members)
