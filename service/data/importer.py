"""Convert records that were read from a file: validate them as those of a client, and collect the errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from service.auth.passwords import is_hash
from service.auth.users import USERS
from service.discovery.registry import ImportTarget
from service.errors import HTTPError, StartupError
from service.http.strict_json import MAX_INTEGER, unstorable
from service.store.base import Add, Collection

MAX_ERRORS = 20
"""Errors that are collected before they are raised."""
NOT_AN_OBJECT = 'is not a JSON object such as {"users": [...], "ships": [...]}.'
"""The error for a file whose content is anything else."""


class Importer:
    """Converts the records of one file. `source` is the name of the file in error messages."""

    def __init__(self, app: web.Application, source: str) -> None:
        self._app = app
        self._source = source
        self._errors: list[str] = []

    async def convert(self, pointer: str, target: ImportTarget, record: Any) -> Add | None:
        """Return the operation that adds a record; None, after adding errors, if the record is invalid.

        pointer: the JSON pointer (RFC 6901) of the record in the file.
        """
        if not isinstance(record, dict):
            self.add_error(pointer, "Not an object.")
            return None
        id = record.get("id")
        if type(id) is not int or not 1 <= id <= MAX_INTEGER:
            self.add_error(f"{pointer}/id", "Missing or not a positive integer.")
            return None
        if isinstance(found := unstorable(record), Mapping):
            self.add_errors(pointer, found)
            return None
        data = {field: value for field, value in record.items() if field != "id"}
        if isinstance(target, Collection):
            return Add(target, data, id) if self._is_valid(pointer, target, data) else None
        try:
            return Add(target.collection, await target.seed(self._app, target.record_schema.validate(data)), id)
        except HTTPError as error:
            self.add_errors(pointer, error.message)
            return None

    def add_error(self, pointer: str, text: str) -> None:
        """Add an error at a JSON pointer. Raises StartupError if there are MAX_ERRORS."""
        self._errors.append(f"{self._source}: {pointer}: {text}" if pointer else f"{self._source}: {text}")
        if len(self._errors) >= MAX_ERRORS:
            self._errors.append("There may be more errors.")
            self.raise_errors()

    def add_errors(self, pointer: str, message: str | Mapping[str, Any]) -> None:
        """Add the message of an HTTPError: each text at the pointer of its field."""
        if not isinstance(message, Mapping):
            self.add_error(pointer, message)
            return
        for field, texts in message.items():
            member = _member(pointer, field)
            if isinstance(texts, Mapping):
                self.add_errors(member, texts)
            else:
                self.add_error(member, " ".join(texts) if isinstance(texts, list) else str(texts))

    def raise_errors(self) -> None:
        """Raise StartupError if there are errors."""
        if self._errors:
            raise StartupError("\n".join(self._errors))

    def _is_valid(self, pointer: str, collection: Collection, data: Mapping[str, Any]) -> bool:
        """Validate a record of a collection without a resource."""
        if collection.unique is not None and not isinstance(data.get(collection.unique), str):
            self.add_error(_member(pointer, collection.unique), "Missing or not a string.")
            return False
        # Without the resource of the users, nothing would replace a password by its hash.
        if collection is USERS and not (isinstance(data.get("password"), str) and is_hash(data["password"])):
            self.add_error(_member(pointer, "password"), "Not an Argon2id hash; no enabled plugin hashes passwords.")
            return False
        return True


def _member(pointer: str, name: object) -> str:
    """Return the pointer of a member (RFC 6901, 3)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
