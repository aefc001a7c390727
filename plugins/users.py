"""Users: anyone may read and sign up; only users themselves may change and remove their record."""

from typing import Any

from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import Integer, String
from marshmallow.validate import Length

from service import PASSWORDS, SETTINGS, USERS, Line, Resource, check_password_bytes, errors, is_hash, owner, public


class UserSchema(Schema):
    """A user. The password is write-only."""

    id = Integer(dump_only=True, metadata={"example": 3})
    name = Line(required=True, min_length=2, max_length=64, metadata={"example": "new user"})
    password = String(
        required=True,
        load_only=True,
        validate=[Length(min=4), check_password_bytes],
        metadata={"example": "more secret"},
    )


class Users(Resource):
    """Users: anyone may read and sign up; only users themselves may change and remove their record."""

    path = "/api/users"
    collection = USERS
    schema = UserSchema
    access = Resource.access | {"add": public, "replace": owner, "patch": owner, "remove": owner}
    seeded = True

    async def prepare(self, app: web.Application, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data with the password replaced by its hash."""
        if "password" not in data:
            return data
        min_length = app[SETTINGS].passwords.min_length
        if len(data["password"]) < min_length:
            raise errors.VALIDATION_FAILED({"password": [f"Shorter than minimum length {min_length}."]})
        return {**data, "password": await app[PASSWORDS].hash(data["password"])}

    async def seed(self, app: web.Application, data: dict[str, Any]) -> dict[str, Any]:
        """Hash the password unless it is a hash; its minimum length is that of the schema, not of the settings."""
        if is_hash(data["password"]):
            return data
        return {**data, "password": await app[PASSWORDS].hash(data["password"])}


routes = Users.routes()
