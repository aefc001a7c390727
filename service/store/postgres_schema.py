"""The tables in PostgreSQL: their names, how they are made, and how an older version's are brought up to date.

All of it lies in the schema `shipyard`, so that a database shared with others stays tidy. Each collection has a table:
`body` is the record as it is read; `doc` is the same for conditions and sorting; `folded` has its texts, folded, for
searching: a text under its field's name, the texts of a list under `name[]`; `key` is the unique field, folded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection as Names
from collections.abc import Iterator, Sequence
from typing import Any

from service.store.base import Collection, Field, Unusable

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
_LONGEST_KEY = 1000  # bytes
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('shipyard'))"
_RELATIONS = "SELECT relname FROM pg_class WHERE relnamespace = 'shipyard'::regnamespace"
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
    )
"""
_SCALARS = {
    "number": "CASE jsonb_typeof(doc -> {name}) WHEN 'number' THEN (doc -> {name})::numeric END",
    "text": "CASE jsonb_typeof(doc -> {name}) WHEN 'string' THEN doc ->> {name} END COLLATE \"C\"",
    "boolean": "CASE jsonb_typeof(doc -> {name}) WHEN 'boolean' THEN (doc -> {name})::boolean END",
}


def records(collection: Collection) -> str:
    """The table of a collection, as SQL."""
    return f"shipyard.{_quoted(_name('records', collection.name))}"


def ids(collection: Collection) -> str:
    """The sequence that a collection's ids come from, as SQL."""
    return f"shipyard.{_quoted(_name('ids', collection.name))}"


def id_constraint(collection: Collection) -> str:
    """The name of the constraint that no two records share an id."""
    return _name("id", collection.name)


def bounded(key: str) -> str:
    """A key as kept: what is too long for an index is kept as its digest."""
    encoded = key.encode()
    return key if len(encoded) <= _LONGEST_KEY else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def scalar(field: Field) -> str:
    """The one value of a field, as SQL: NULL where the field is missing, null, or not of its kind."""
    if field.name == "id":
        return "id"
    return f"({_SCALARS[field.kind.removesuffix('s')].format(name=literal(field.name))})"


def literal(text: str) -> str:
    """A text, as SQL, whatever it holds."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


async def prepare(connection: Any, collections: Sequence[Collection]) -> None:
    """Make what is missing, in one transaction; several may try at once. Raises Unusable."""
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise Unusable(f"The database's encoding is {encoding}, but only UTF8 holds every text.")
    async with connection.transaction():
        await connection.execute(_LOCK)
        await _migrate(connection)
        there = {row["relname"] for row in await connection.fetch(_RELATIONS)}
        for collection in collections:
            for statement in _missing(collection, there):
                await connection.execute(statement)


async def _migrate(connection: Any) -> None:
    version = 0
    if await connection.fetchval("SELECT to_regclass('shipyard.state')") is not None:
        version = await connection.fetchval("SELECT version FROM shipyard.state")
    else:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS shipyard")
    known = len(MIGRATIONS)
    if version > known:
        raise Unusable(f"The database was made by a newer Shipyard: its version is {version}, this one knows {known}.")
    for migration in MIGRATIONS[version:]:
        await connection.execute(migration)
    if version < known:
        await connection.execute("UPDATE shipyard.state SET version = $1", known)


def _missing(collection: Collection, there: Names[str]) -> Iterator[str]:
    if _name("records", collection.name) not in there:
        names = {part: _quoted(_name(part, collection.name)) for part in ("id", "key")}
        yield _TABLE.format(records=records(collection), ids=ids(collection), **names)
    for field in collection.indexed:
        name = _name("index", collection.name, field.name, field.kind)
        if field.name != "id" and name not in there:
            yield f"CREATE INDEX {_quoted(name)} ON {records(collection)} {_indexed(field)}"


def _indexed(field: Field) -> str:
    if field.kind in ("numbers", "texts"):
        return f"USING gin ((doc -> {literal(field.name)}) jsonb_path_ops)"
    return f"({scalar(field)} NULLS FIRST, id)"


def _name(*parts: str) -> str:
    """A name that PostgreSQL does not cut off: it keeps 63 bytes."""
    name = "_".join(parts)
    return name if len(name.encode()) <= 63 else f"{parts[0]}_{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
