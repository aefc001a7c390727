"""Example routes for the tests of the API document; their handlers are never called."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import Schema
from marshmallow.fields import Integer, List, String
from marshmallow.validate import Length, Range

from service import openapi
from service.auth.permissions import owner, public, refresh, user
from service.http.strict_json import MAX_INTEGER
from service.openapi.decorators import docs, request_schema, response_schema

ID = "{id:[1-9][0-9]{0,15}}"
X_WING = {"name": "X-Wing", "crew": 1, "roles": ["Escort"]}


class ShipSchema(Schema):
    id = Integer(dump_only=True)
    name = String(required=True, validate=Length(2, 200), metadata={"example": "X-Wing"})
    crew = Integer(required=True, strict=True, validate=Range(1, MAX_INTEGER))
    roles = List(String(validate=Length(1)), required=True, validate=Length(max=32))


class UserSchema(Schema):
    id = Integer(dump_only=True)
    name = String(required=True, validate=Length(min=2))
    password = String(required=True, load_only=True, validate=Length(min=8))


class TokensSchema(Schema):
    access_token = String(required=True)
    refresh_token = String(required=True)


@public
@docs(
    summary="All ships",
    parameters=[{"in": "query", "name": "crew_gte", "schema": {"type": "integer", "minimum": 3}}, "If-None-Match"],
    responses={304: {"description": "Not modified."}},
)
@response_schema(ShipSchema(many=True), 200, "The ships.", headers=("ETag", "X-Total-Count", "Link"))
async def list_ships(request: web.Request) -> web.Response:
    return web.Response()


@user
@request_schema(ShipSchema, example=X_WING)
@response_schema(ShipSchema, 201, headers=("Location",))
async def add_ship(request: web.Request) -> web.Response:
    """Add a ship.

    Its id is the next one.
    """
    return web.Response()


@user
@docs(responses={412: {"description": "The record has another revision."}}, parameters=["If-Match"])
@request_schema(ShipSchema)
@response_schema(ShipSchema)
async def replace_ship(request: web.Request) -> web.Response:
    return web.Response()


@user
@request_schema(ShipSchema(partial=True))
@response_schema(ShipSchema)
async def patch_ship(request: web.Request) -> web.Response:
    return web.Response()


@owner
@docs(responses={204: {"description": "Removed."}})
async def remove_user(request: web.Request) -> web.Response:
    return web.Response()


@public
@docs(responses={400: {"description": "User already exists."}})
@request_schema(UserSchema)
@response_schema(UserSchema, 201)
async def add_user(request: web.Request) -> web.Response:
    return web.Response()


@refresh
@response_schema(TokensSchema)
async def refresh_tokens(request: web.Request) -> web.Response:
    return web.Response()


def undocumented() -> Handler:
    """Return a new handler without any description."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response()

    return handler


ROUTES = [
    ("ships", web.get("/api/ships", list_ships)),
    ("ships", web.post("/api/ships", add_ship)),
    ("ships", web.put(f"/api/ships/{ID}", replace_ship)),
    ("ships", web.patch(f"/api/ships/{ID}", patch_ship)),
    ("users", web.post("/api/users", add_user)),
    ("users", web.delete(f"/api/users/{ID}", remove_user)),
    ("auth", web.post("/auth/refresh", refresh_tokens)),
]


def document(*routes: web.RouteDef) -> dict[str, Any]:
    """Return the document of these routes; without any, of ROUTES."""
    return openapi.document([("ships", route) for route in routes] or ROUTES, title="Shipyard", version="1.0.0")


def operation(handler: Handler, path: str = "/x") -> dict[str, Any]:
    """Return the documented operation of a GET route with this handler."""
    documented: dict[str, Any] = next(iter(document(web.get(path, handler))["paths"].values()))["get"]
    return documented
