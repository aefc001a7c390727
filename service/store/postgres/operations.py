"""The SQL of operations.

Each operation is one statement, which is applied completely or not at all. It returns one row: the id and the revision
of the record, or NULL if nothing was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from service.store.base import (
    Add,
    Collection,
    DuplicateValue,
    Operation,
    Record,
    RecordNotFound,
    Remove,
    Replace,
    RevisionMismatch,
    Revoke,
    StoreError,
    encode,
    fold,
)
from service.store.postgres.names import id_sequence, quote_literal, records_table, stored_key
from service.store.postgres.revocations import CHANNEL

# The key is checked before an id is drawn from the sequence, so that a duplicate uses up no id.
_ADD = """
WITH next AS MATERIALIZED (
    SELECT nextval({sequence}) AS id WHERE NOT EXISTS (SELECT FROM {records} WHERE key = $2)
), full_body AS (
    SELECT id, concat('{{"id":', id, $1::text) AS body FROM next
), new AS (
    INSERT INTO {records} (id, revision, key, body, hidden, doc, folded)
    SELECT id, nextval('shipyard.revision'), $2, convert_to(body, 'UTF8'), $3, body::jsonb, $4 FROM full_body
    RETURNING id, revision
) SELECT id, revision FROM (VALUES (0)) AS one LEFT JOIN new ON TRUE
"""
_ADD_WITH_ID = """
WITH free AS MATERIALIZED (
    SELECT setval({sequence}, greatest($5::bigint, last_value)) FROM {ids}
    WHERE NOT EXISTS (SELECT FROM {records} WHERE id = $5 OR key = $2)
), new AS (
    INSERT INTO {records} (id, revision, key, body, hidden, doc, folded)
    SELECT $5, nextval('shipyard.revision'), $2, convert_to($1, 'UTF8'), $3, $1::text::jsonb, $4 FROM free
    RETURNING id, revision
) SELECT id, revision FROM (VALUES (0)) AS one LEFT JOIN new ON TRUE
"""
_REPLACE = """
WITH new AS (
    UPDATE {records} AS old SET
        revision = nextval('shipyard.revision'), key = $2, body = convert_to($1, 'UTF8'),
        hidden = old.hidden || $3, doc = $1::text::jsonb, folded = $4
    WHERE id = $5 AND ($6::bigint IS NULL OR revision = $6)
        AND NOT EXISTS (SELECT FROM {records} WHERE key = $2 AND id <> $5)
    RETURNING id, revision
) SELECT id, revision FROM (VALUES (0)) AS one LEFT JOIN new ON TRUE
"""
_REMOVE = """
WITH old AS (
    DELETE FROM {records} WHERE id = $1 AND ($2::bigint IS NULL OR revision = $2) RETURNING id, revision
) SELECT id, revision FROM (VALUES (0)) AS one LEFT JOIN old ON TRUE
"""
_REVOKE = f"""
WITH revoked AS (
    INSERT INTO shipyard.revocations AS old VALUES ($1, $2)
    ON CONFLICT (key) DO UPDATE SET expires = greatest(old.expires, excluded.expires) RETURNING key, expires
) SELECT 0 AS id, pg_notify('{CHANNEL}', expires || ' ' || key) FROM revoked
"""  # noqa: S608  # a constant
_CURRENT = "SELECT id, revision, body FROM {records} WHERE id = $1"


def sql_of(operation: Operation) -> str:
    """Return the SQL of an operation, which is the same for all operations of its kind on a collection."""
    match operation:
        case Revoke():
            return _REVOKE
        case Add(id=None):
            return _formatted(_ADD, operation.collection)
        case Add():
            return _formatted(_ADD_WITH_ID, operation.collection)
        case Replace():
            return _formatted(_REPLACE, operation.collection)
        case Remove():
            return _formatted(_REMOVE, operation.collection)


def arguments_of(operation: Operation) -> tuple[Any, ...]:
    """Return the arguments of the SQL of an operation."""
    match operation:
        case Revoke():
            return stored_key(operation.key), operation.expires
        case Remove():
            return operation.id, operation.expected
        case Replace():
            return *columns_of(operation), operation.id, operation.expected
        case Add():
            return columns_of(operation) if operation.id is None else (*columns_of(operation), operation.id)


def columns_of(operation: Add | Replace) -> tuple[str, str | None, str, str]:
    """Return the body, the key, the write-only fields and the folded texts of a record.

    The body of an Add without an id is the part that follows the id.
    """
    fields = _readable_fields(operation)
    body = encode(0, fields).removeprefix(b'{"id":0') if operation.id is None else encode(operation.id, fields)
    key = operation.collection.unique_key(operation.data)
    _, write_only = operation.collection.split(operation.data)
    return (
        body.decode(),
        None if key is None else stored_key(key),
        orjson.dumps(write_only).decode(),
        orjson.dumps(_folded(fields)).decode(),
    )


def result_of(operation: Operation, row: Mapping[str, Any]) -> Record | None:
    """Return the result of an operation from the row that its SQL returned."""
    if isinstance(operation, (Revoke, Remove)):
        return None
    return Record(row["id"], row["revision"], encode(row["id"], _readable_fields(operation)))


async def find_error(connection: Any, operation: Add | Replace | Remove) -> StoreError:
    """Return the reason why an operation changed nothing."""
    row = None
    if operation.id is not None:
        row = await connection.fetchrow(_formatted(_CURRENT, operation.collection), operation.id)
    if isinstance(operation, Add):
        return duplicate_value(operation.collection, by_id=row is not None)
    if row is None:
        return RecordNotFound()
    if operation.expected not in (None, row["revision"]):
        return RevisionMismatch(Record(*row))
    return duplicate_value(operation.collection)


def duplicate_value(collection: Collection, *, by_id: bool = False) -> DuplicateValue:
    """Return the exception for a duplicate id or a duplicate value of the unique field."""
    return DuplicateValue("id" if by_id else collection.unique or "")


@cache
def _formatted(template: str, collection: Collection) -> str:
    sequence = id_sequence(collection)
    return template.format(records=records_table(collection), ids=sequence, sequence=quote_literal(sequence))


def _readable_fields(operation: Add | Replace) -> dict[str, Any]:
    fields, _ = operation.collection.split(operation.data)
    fields.pop("id", None)
    return fields


def _folded(fields: Mapping[str, Any]) -> dict[str, str | list[str]]:
    folded: dict[str, str | list[str]] = {}
    for name, value in fields.items():
        if isinstance(value, str):
            folded[name] = fold(value)
        elif isinstance(value, list):
            folded[f"{name}[]"] = [fold(element) for element in value if isinstance(element, str)]
    return folded
