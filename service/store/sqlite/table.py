"""The table of one collection in SQLite: its statements and its rows."""

# ruff: noqa: S608  # the names in the SQL are those of collections and their fields, from code; values are bound

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from unicodedata import unidata_version

import orjson

from service.store.base import Collection, encode, fold
from service.store.sqlite.query import field_expression


class Row(NamedTuple):
    """The columns of a record besides id and revision; all but the key are JSON.

    key: the folded value of the unique field.
    hidden: the write-only fields.
    folded: the body with all texts folded; None if the body is ASCII, for which SQLite's lower() is equivalent.
    """

    body: str
    key: str | None
    hidden: str | None
    folded: str | None


class Table:
    """The SQL statements for one collection."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.name = quote_identifier(collection.name)
        self.create = (
            f"CREATE TABLE IF NOT EXISTS {self.name} (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, "
            "body TEXT NOT NULL, key TEXT, hidden TEXT, folded TEXT)"
        )
        self.count = "SELECT total FROM _collections WHERE name = ?"
        self.select = f"SELECT id, revision, body FROM {self.name}"
        self.ids = f"SELECT id FROM {self.name}"
        self.total = f"SELECT count(*) FROM {self.name}"
        self.page = (
            f"SELECT id, revision, body, ({self.count}) FROM {self.name} WHERE id > ? ORDER BY id LIMIT ? OFFSET ?"
        )
        self.get = f"{self.select} WHERE id = ?"
        self.lookup = f"{self.select} WHERE key = ?"
        self.get_write_only = f"SELECT hidden FROM {self.name} WHERE id = ?"
        self.get_all = f"SELECT id, revision, body, hidden FROM {self.name} WHERE id = ?"
        self.scan = f"SELECT id, revision, body, hidden FROM {self.name} WHERE id > ? ORDER BY id LIMIT ?"
        self.insert = f"INSERT INTO {self.name} (body, key, hidden, folded, revision, id) VALUES (?, ?, ?, ?, ?, ?)"
        self.update = f"UPDATE {self.name} SET body = ?, key = ?, hidden = ?, folded = ?, revision = ? WHERE id = ?"
        self.update_if = f"{self.update} AND revision = ?"
        self.delete = f"DELETE FROM {self.name} WHERE id = ?"

    @property
    def layout(self) -> str:
        """What the content of a row depends on; when it changes, the rows are rewritten."""
        collection = self.collection
        return orjson.dumps([collection.unique, collection.write_only, unidata_version]).decode()

    @property
    def indexes(self) -> dict[str, str]:
        """The declared indexes: the statement that creates each, by name."""
        name = self.collection.name
        fields = {f"{name} {field.name} {field.kind}": field_expression(field) for field in self.collection.indexed}
        indexes = {
            index: f"CREATE INDEX {quote_identifier(index)} ON {self.name} ({sql})" for index, sql in fields.items()
        }
        if self.collection.unique is not None:
            key = f"{name} key"
            indexes[key] = f"CREATE UNIQUE INDEX {quote_identifier(key)} ON {self.name} (key)"
        return indexes


def make_row(collection: Collection, id: int, data: Mapping[str, Any], old_write_only: bytes | None = None) -> Row:
    """Return the row of a record; write-only fields that `data` omits are taken from `old_write_only`."""
    readable, write_only = collection.split(data)
    body = encode(id, readable)
    if old_write_only is not None:
        write_only = orjson.loads(old_write_only) | write_only
    return Row(
        body.decode(),
        collection.unique_key(data),
        orjson.dumps(write_only).decode() if write_only else None,
        None if body.isascii() else _folded(body),
    )


def quote_identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _folded(body: bytes) -> str:
    return orjson.dumps({name: _fold(value) for name, value in orjson.loads(body).items()}).decode()


def _fold(value: Any) -> Any:
    if isinstance(value, str):
        return fold(value)
    return [_fold(element) for element in value] if isinstance(value, list) else None
