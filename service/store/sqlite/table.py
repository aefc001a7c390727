"""The table of one collection: its SQL, and its rows."""

# ruff: noqa: S608  # the names in the SQL are those of collections and their fields, from code; values are bound

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from unicodedata import unidata_version

import orjson

from service.store.base import Collection, encode, fold
from service.store.sqlite.query import expression


class Row(NamedTuple):
    """What is kept of a record beside its id and revision. All but the key is JSON.

    folded: the texts of the body, each folded; None where SQLite's lower() does the same, that is, for ASCII.
    """

    body: str
    key: str | None
    hidden: str | None
    folded: str | None


class Table:
    """The statements for one collection."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.name = quoted(collection.name)
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
        self.secrets = f"SELECT hidden FROM {self.name} WHERE id = ?"
        self.current = f"SELECT id, revision, body, hidden FROM {self.name} WHERE id = ?"
        self.scan = f"SELECT id, revision, body, hidden FROM {self.name} WHERE id > ? ORDER BY id LIMIT ?"
        self.insert = f"INSERT INTO {self.name} (body, key, hidden, folded, revision, id) VALUES (?, ?, ?, ?, ?, ?)"
        self.update = f"UPDATE {self.name} SET body = ?, key = ?, hidden = ?, folded = ?, revision = ? WHERE id = ?"
        self.update_if = f"{self.update} AND revision = ?"
        self.delete = f"DELETE FROM {self.name} WHERE id = ?"

    @property
    def layout(self) -> str:
        """What the rows were made by: where it has changed, they are made anew."""
        collection = self.collection
        return orjson.dumps([collection.unique, collection.write_only, unidata_version]).decode()

    @property
    def indexes(self) -> dict[str, str]:
        """Every index that the table should have, by name."""
        name = self.collection.name
        fields = {f"{name} {field.name} {field.kind}": expression(field) for field in self.collection.indexed}
        indexes = {index: f"CREATE INDEX {quoted(index)} ON {self.name} ({sql})" for index, sql in fields.items()}
        if self.collection.unique is not None:
            indexes[f"{name} key"] = f"CREATE UNIQUE INDEX {quoted(f'{name} key')} ON {self.name} (key)"
        return indexes


def row(collection: Collection, id: int, data: Mapping[str, Any], hidden: bytes | None = None) -> Row:
    """The row of a record; what `hidden` has, and `data` does not, stays."""
    shown, secrets = collection.split(data)
    body = encode(id, shown)
    if hidden is not None:
        secrets = orjson.loads(hidden) | secrets
    return Row(
        body.decode(),
        collection.key(data),
        orjson.dumps(secrets).decode() if secrets else None,
        None if body.isascii() else _folded(body),
    )


def _folded(body: bytes) -> str:
    return orjson.dumps({name: _fold(value) for name, value in orjson.loads(body).items()}).decode()


def _fold(value: Any) -> Any:
    if isinstance(value, str):
        return fold(value)
    return [_fold(element) for element in value] if isinstance(value, list) else None


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
