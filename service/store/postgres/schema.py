"""The tables in PostgreSQL: how they are made, and how an older version's are brought up to date.

All of it lies in the schema `shipyard`, so that a database shared with others stays tidy. Each collection has a table:
`body` is the record as it is read; `doc` is the same for conditions and sorting; `folded` has its texts, folded, for
searching: a text under its field's name, the texts of a list under `name[]`; `key` is the unique field, folded. The
table's comment is the layout: what was declared unique and hidden when its rows were written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson

from service.store.base import Collection, Field, Replace, StoreUnusable
from service.store.postgres.changes import values
from service.store.postgres.names import ids, literal, name, quoted, records, scalar

# Each leads from the version that is its place in this tuple to the next one.
MIGRATIONS = (
    """
    CREATE TABLE shipyard.state (version integer NOT NULL, written boolean NOT NULL);
    INSERT INTO shipyard.state VALUES (0, FALSE);
    CREATE SEQUENCE shipyard.revision;
    CREATE TABLE shipyard.revocations (key text COLLATE "C" PRIMARY KEY, expires bigint NOT NULL);
    CREATE INDEX ON shipyard.revocations (expires);
    CREATE TABLE shipyard.outcomes (
        key text COLLATE "C" PRIMARY KEY, fingerprint text NOT NULL, expires bigint NOT NULL, records text
    );
    CREATE INDEX ON shipyard.outcomes (expires);
    """,
)
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('shipyard'))"
_LAYOUT = "SELECT coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class WHERE oid = to_regclass($1)"
_INDEXES = "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = to_regclass($1)"
_TABLE = """
    CREATE SEQUENCE {ids};
    CREATE TABLE {records} (
        id bigint CONSTRAINT {id} PRIMARY KEY,
        revision bigint NOT NULL,
        key text COLLATE "C" CONSTRAINT {key} UNIQUE,
        body bytea NOT NULL,
        hidden jsonb NOT NULL,
        doc jsonb NOT NULL,
        folded jsonb NOT NULL
    );
    COMMENT ON TABLE {records} IS {layout}
"""
_FREE_KEYS = "ALTER TABLE {records} DROP CONSTRAINT {key}"
_HOLD_KEYS = "ALTER TABLE {records} ADD CONSTRAINT {key} UNIQUE (key); COMMENT ON TABLE {records} IS {layout}"
_ROWS = "SELECT id, body, hidden FROM {records} WHERE id > $1 ORDER BY id LIMIT 1000"
_REMAKE = """
    UPDATE {records} SET body = convert_to($1, 'UTF8'), doc = $1::text::jsonb, key = $2, hidden = $3, folded = $4
    WHERE id = $5
"""


async def prepare(connection: Any, collections: Sequence[Collection]) -> None:
    """Make what is missing, in one transaction; several may try at once. Raises StoreUnusable."""
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise StoreUnusable(f"The database's encoding is {encoding}, but only UTF8 holds every text.")
    async with connection.transaction():
        await connection.execute(_LOCK)
        await _migrate(connection)
        for collection in collections:
            await _fit(connection, collection)


async def _migrate(connection: Any) -> None:
    version = 0
    if await connection.fetchval("SELECT to_regclass('shipyard.state')") is not None:
        version = await connection.fetchval("SELECT version FROM shipyard.state")
    else:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS shipyard")
    known = len(MIGRATIONS)
    if version > known:
        raise StoreUnusable(
            f"The database was made by a newer Shipyard: its version is {version}, this one knows {known}."
        )
    for migration in MIGRATIONS[version:]:
        await connection.execute(migration)
    if version < known:
        await connection.execute("UPDATE shipyard.state SET version = $1", known)


async def _fit(connection: Any, collection: Collection) -> None:
    """Give a collection the table, the rows and the indexes that it should have."""
    wanted = orjson.dumps([collection.unique, collection.write_only]).decode()
    names = {
        "records": records(collection),
        "ids": ids(collection),
        "id": quoted(name("id", collection.name)),
        "key": quoted(name("key", collection.name)),
        "layout": literal(wanted),
    }
    layout = await connection.fetchval(_LAYOUT, records(collection))
    if layout is None:
        await connection.execute(_TABLE.format(**names))
    elif layout != wanted:
        await connection.execute(_FREE_KEYS.format(**names))
        await _remake(connection, collection)
        try:
            await connection.execute(_HOLD_KEYS.format(**names))
        except asyncpg.UniqueViolationError as error:
            raise StoreUnusable(
                f"Two records of {collection.name} have the same {collection.unique}; change one."
            ) from error
    await _index(connection, collection)


async def _remake(connection: Any, collection: Collection) -> None:
    """Make each row anew from what it holds."""
    last = 0
    while rows := await connection.fetch(_ROWS.format(records=records(collection)), last):
        last = rows[-1]["id"]
        made = [(*_remade(collection, *row), row["id"]) for row in rows]
        await connection.executemany(_REMAKE.format(records=records(collection)), made)


def _remade(collection: Collection, id: int, body: bytes, hidden: str) -> tuple[str | None, ...]:
    data = orjson.loads(hidden) | orjson.loads(body)
    if not isinstance(data.get(collection.unique, ""), str):
        raise StoreUnusable(f"A record of {collection.name}, id {id}, has no text as {collection.unique}.")
    return values(Replace(collection, id, data))


async def _index(connection: Any, collection: Collection) -> None:
    wanted = {name("index", collection.name, *field): field for field in collection.indexed if field.name != "id"}
    there = {row["relname"] for row in await connection.fetch(_INDEXES, records(collection))}
    for index in there - wanted.keys():
        if index.startswith("index_"):
            await connection.execute(f"DROP INDEX shipyard.{quoted(index)}")
    for index in wanted.keys() - there:
        await connection.execute(f"CREATE INDEX {quoted(index)} ON {records(collection)} {_indexed(wanted[index])}")


def _indexed(field: Field) -> str:
    if field.kind in ("numbers", "texts"):
        return f"USING gin ((doc -> {literal(field.name)}) jsonb_path_ops)"
    return f"({scalar(field)} NULLS FIRST, id)"
