"""Users: anyone may look and sign up, each may change and remove themselves."""

from typing import Any

from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import Integer, String
from marshmallow.validate import Length

from service import PASSWORDS, SETTINGS, USERS, HTTPError, Line, Resource, check_password_bytes, is_hash, owner, public


class UserSchema(Schema):
    """A user. The password comes in and never goes out."""

    id = Integer(dump_only=True, metadata={"example": 3})
    name = Line(required=True, min_length=2, max_length=64, metadata={"example": "new user"})
    password = String(
        required=True,
        load_only=True,
        validate=[Length(min=4), check_password_bytes],
        metadata={"example": "more secret"},
    )


class Users(Resource):
    """Users: anyone may look and sign up, each may change and remove themselves."""

    path = "/api/users"
    collection = USERS
    schema = UserSchema
    access = Resource.access | {"add": public, "replace": owner, "patch": owner, "remove": owner}
    seeded = True

    async def prepare(self, app: web.Application, data: dict[str, Any]) -> dict[str, Any]:
        """Keep a hash in place of the password."""
        if "password" not in data:
            return data
        least = app[SETTINGS].passwords.min_length
        if len(data["password"]) < least:
            raise HTTPError(400, {"password": [f"Shorter than minimum length {least}."]}, code="validation_failed")
        return {**data, "password": await app[PASSWORDS].hash(data["password"])}

    async def seed(self, app: web.Application, data: dict[str, Any]) -> dict[str, Any]:
        """As `prepare`, but a hash is taken as it is, and a password may be as short as the schema lets it."""
        if is_hash(data["password"]):
            return data
        return {**data, "password": await app[PASSWORDS].hash(data["password"])}


routes = Users.routes()
