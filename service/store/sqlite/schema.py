"""The tables of a SQLite file, and their migration.

- `_state`: the last revision.
- `_collections`: for each collection, the largest id ever used (`last`), the number of records (`total`), and the
  declarations that its rows were written with (`layout`).
- `_revoked`: the revoked keys.
- `_once`: the idempotency keys and the results of their writes.
- One table for each collection (table.py). Its column `hidden` has the write-only fields of a record.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

from service.store.base import StoreUnusable
from service.store.sqlite.table import Table, make_row, quote_identifier

APPLICATION_ID = 0x53484950
"""The application_id of the files of this service: "SHIP"."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        "CREATE TABLE _state (revision INTEGER NOT NULL)",
        "INSERT INTO _state VALUES (0)",
        """CREATE TABLE _collections (
            name TEXT PRIMARY KEY, last INTEGER NOT NULL, total INTEGER NOT NULL, layout TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE TABLE _revoked (key TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX _revoked_expires ON _revoked (expires)",
        """CREATE TABLE _once (
            key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, expires INTEGER NOT NULL, records TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX _once_expires ON _once (expires)",
    ),
)
"""The statements of item n migrate a file from format n to format n + 1. An empty file has format 0."""

_BATCH_SIZE = 1000  # rows rewritten at a time


def migrate(connection: sqlite3.Connection) -> None:
    """Migrate the tables that every file has to the current format."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        for statement in (*statements, f"PRAGMA user_version = {number}"):
            connection.execute(statement)


def update_table(connection: sqlite3.Connection, table: Table) -> None:
    """Create or update the table, the rows and the indexes of a collection. Raises StoreUnusable."""
    name = table.collection.name
    connection.execute(table.create)
    connection.execute("INSERT OR IGNORE INTO _collections VALUES (?, 0, 0, ?)", (name, table.layout))
    (layout,) = connection.execute("SELECT layout FROM _collections WHERE name = ?", (name,)).fetchone()
    existing = _indexes(connection, name)
    if layout != table.layout:
        _drop_indexes(connection, existing)
        _rewrite_rows(connection, table)
        existing = {}
    declared = table.indexes
    _drop_indexes(connection, [index for index in existing if existing[index] != declared.get(index)])
    try:
        for index in declared.keys() - _indexes(connection, name).keys():
            connection.execute(declared[index])
    except sqlite3.IntegrityError as error:
        raise StoreUnusable(f"has two records of {name} with the same {table.collection.unique}; change one") from error


def _indexes(connection: sqlite3.Connection, name: str) -> dict[str, str]:
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
    return dict(connection.execute(sql, (name,)).fetchall())


def _drop_indexes(connection: sqlite3.Connection, indexes: Iterable[str]) -> None:
    for index in indexes:
        connection.execute(f"DROP INDEX {quote_identifier(index)}")


def _rewrite_rows(connection: sqlite3.Connection, table: Table) -> None:
    """Rewrite all rows as the collection is declared now."""
    collection, last = table.collection, 0
    while rows := connection.execute(table.scan, (last, _BATCH_SIZE)).fetchall():
        for last, revision, body, write_only in rows:
            data = orjson.loads(write_only or "{}") | orjson.loads(body)
            del data["id"]
            if collection.unique is not None and not isinstance(data.get(collection.unique), str):
                raise StoreUnusable(
                    f"has a record of {collection.name}, id {last}, whose {collection.unique} is missing or "
                    "not a text; set it"
                )
            connection.execute(table.update, (*make_row(collection, last, data), revision, last))
    sql = "UPDATE _collections SET layout = ? WHERE name = ?"
    connection.execute(sql, (table.layout, collection.name))
