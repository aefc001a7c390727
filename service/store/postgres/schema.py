"""The tables in PostgreSQL, and their migration.

All of them are in the schema `shipyard`, which keeps them apart from those of other programs in the same database.
`state` has the version of the tables and whether anything was ever written, `revocations` the revoked keys, `outcomes`
the idempotency keys and the results of their writes. Each collection has a table `records_<name>` with these columns:

- `body`: the record as it is returned.
- `doc`: the same as jsonb, for conditions and sorting.
- `folded`: the folded texts, for searching: a text under its field's name, the texts of a list under `name[]`.
- `key`: the folded value of the unique field.
- `hidden`: the write-only fields.

The comment of the table contains the declarations (unique and write-only fields) that its rows were written with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson

from service.store.base import Collection, Field, Replace, StoreUnusable
from service.store.postgres.names import (
    field_expression,
    id_sequence,
    identifier,
    quote_identifier,
    quote_literal,
    records_table,
)
from service.store.postgres.operations import columns_of

# Item n migrates the tables from version n to version n + 1.
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
_DROP_UNIQUE = "ALTER TABLE {records} DROP CONSTRAINT {key}"
_ADD_UNIQUE = "ALTER TABLE {records} ADD CONSTRAINT {key} UNIQUE (key); COMMENT ON TABLE {records} IS {layout}"
_SELECT_BATCH = "SELECT id, body, hidden FROM {records} WHERE id > $1 ORDER BY id LIMIT 1000"
_UPDATE_ROW = """
    UPDATE {records} SET body = convert_to($1, 'UTF8'), doc = $1::text::jsonb, key = $2, hidden = $3, folded = $4
    WHERE id = $5
"""


async def prepare(connection: Any, collections: Sequence[Collection]) -> None:
    """Create or migrate the tables in one transaction; safe for concurrent instances. Raises StoreUnusable."""
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise StoreUnusable(f"The encoding of the database is {encoding}; it must be UTF8.")
    async with connection.transaction():
        await connection.execute(_LOCK)
        await _migrate(connection)
        for collection in collections:
            await _update_table(connection, collection)


async def _migrate(connection: Any) -> None:
    version = 0
    if await connection.fetchval("SELECT to_regclass('shipyard.state')") is not None:
        version = await connection.fetchval("SELECT version FROM shipyard.state")
    else:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS shipyard")
    supported = len(MIGRATIONS)
    if version > supported:
        raise StoreUnusable(
            f"The database was written by a newer version of the service: its format is {version}, "
            f"this version supports up to {supported}."
        )
    for migration in MIGRATIONS[version:]:
        await connection.execute(migration)
    if version < supported:
        await connection.execute("UPDATE shipyard.state SET version = $1", supported)


async def _update_table(connection: Any, collection: Collection) -> None:
    """Create or update the table, the rows and the indexes of a collection."""
    declared = orjson.dumps([collection.unique, collection.write_only]).decode()
    names = {
        "records": records_table(collection),
        "ids": id_sequence(collection),
        "id": quote_identifier(identifier("id", collection.name)),
        "key": quote_identifier(identifier("key", collection.name)),
        "layout": quote_literal(declared),
    }
    layout = await connection.fetchval(_LAYOUT, records_table(collection))
    if layout is None:
        await connection.execute(_TABLE.format(**names))
    elif layout != declared:
        await connection.execute(_DROP_UNIQUE.format(**names))
        await _rewrite_rows(connection, collection)
        try:
            await connection.execute(_ADD_UNIQUE.format(**names))
        except asyncpg.UniqueViolationError as error:
            raise StoreUnusable(
                f"Two records of {collection.name} have the same {collection.unique}; change one."
            ) from error
    await _update_indexes(connection, collection)


async def _rewrite_rows(connection: Any, collection: Collection) -> None:
    """Rewrite all rows as the collection is declared now."""
    last = 0
    while rows := await connection.fetch(_SELECT_BATCH.format(records=records_table(collection)), last):
        last = rows[-1]["id"]
        arguments = [(*_new_columns(collection, *row), row["id"]) for row in rows]
        await connection.executemany(_UPDATE_ROW.format(records=records_table(collection)), arguments)


def _new_columns(collection: Collection, id: int, body: bytes, write_only: str) -> tuple[str | None, ...]:
    data = orjson.loads(write_only) | orjson.loads(body)
    if collection.unique is not None and not isinstance(data.get(collection.unique), str):
        raise StoreUnusable(
            f"In the record of {collection.name} with id {id}, {collection.unique} is missing or not a text; set it."
        )
    return columns_of(Replace(collection, id, data))


async def _update_indexes(connection: Any, collection: Collection) -> None:
    declared = {
        identifier("index", collection.name, *field): field for field in collection.indexed if field.name != "id"
    }
    existing = {row["relname"] for row in await connection.fetch(_INDEXES, records_table(collection))}
    for index in existing - declared.keys():
        if index.startswith("index_"):
            await connection.execute(f"DROP INDEX shipyard.{quote_identifier(index)}")
    for index in declared.keys() - existing:
        await connection.execute(
            f"CREATE INDEX {quote_identifier(index)} ON {records_table(collection)} {_index_on(declared[index])}"
        )


def _index_on(field: Field) -> str:
    if field.kind in ("numbers", "texts"):
        return f"USING gin ((doc -> {quote_literal(field.name)}) jsonb_path_ops)"
    return f"({field_expression(field)} NULLS FIRST, id)"
