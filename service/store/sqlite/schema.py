"""The tables of a SQLite store, and how a file gets those that this version of the service wants."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

from service.store.base import StoreUnusable
from service.store.sqlite.table import Table, quoted, row

APPLICATION = 0x53484950
"""Tells our files from those of other programs: "SHIP"."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION}",
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
"""What makes a file of format n one of format n + 1. An empty file is of format 0."""

_PAGE = 1000  # rows made anew at a time


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables that every file has up to date."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        for statement in (*statements, f"PRAGMA user_version = {number}"):
            connection.execute(statement)


def fit(connection: sqlite3.Connection, table: Table) -> None:
    """Give a collection the table, the rows and the indexes that it should have. Raises StoreUnusable."""
    name = table.collection.name
    connection.execute(table.create)
    connection.execute("INSERT OR IGNORE INTO _collections VALUES (?, 0, 0, ?)", (name, table.layout))
    (layout,) = connection.execute("SELECT layout FROM _collections WHERE name = ?", (name,)).fetchone()
    there = _indexes(connection, name)
    if layout != table.layout:
        _drop(connection, there)
        _remake(connection, table)
        there = {}
    wanted = table.indexes
    _drop(connection, [index for index in there if there[index] != wanted.get(index)])
    try:
        for index in wanted.keys() - _indexes(connection, name).keys():
            connection.execute(wanted[index])
    except sqlite3.IntegrityError as error:
        raise StoreUnusable(f"has two records of {name} with the same {table.collection.unique}; change one") from error


def _indexes(connection: sqlite3.Connection, name: str) -> dict[str, str]:
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
    return dict(connection.execute(sql, (name,)).fetchall())


def _drop(connection: sqlite3.Connection, indexes: Iterable[str]) -> None:
    for index in indexes:
        connection.execute(f"DROP INDEX {quoted(index)}")


def _remake(connection: sqlite3.Connection, table: Table) -> None:
    """Make each row anew from what it holds."""
    collection, last = table.collection, 0
    while rows := connection.execute(table.scan, (last, _PAGE)).fetchall():
        for last, revision, body, hidden in rows:
            data = orjson.loads(hidden or "{}") | orjson.loads(body)
            del data["id"]
            if not isinstance(data.get(collection.unique, ""), str):
                raise StoreUnusable(
                    f"has a record of {collection.name}, id {last}, without a text as {collection.unique}"
                )
            connection.execute(table.update, (*row(collection, last, data), revision, last))
    sql = "UPDATE _collections SET layout = ? WHERE name = ?"
    connection.execute(sql, (table.layout, collection.name))
