"""Changes as SQL: each is one statement, which does all of it or nothing and answers one row: NULL if nothing."""

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
from service.store.postgres.names import bounded, ids, literal, records
from service.store.postgres.revocations import CHANNEL

# Whether a name is taken is asked before an id is drawn: a refusal spends no id.
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
_ADD_UNDER = """
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
WITH kept AS (
    INSERT INTO shipyard.revocations AS old VALUES ($1, $2)
    ON CONFLICT (key) DO UPDATE SET expires = greatest(old.expires, excluded.expires) RETURNING key, expires
) SELECT 0 AS id, pg_notify('{CHANNEL}', expires || ' ' || key) FROM kept
"""  # noqa: S608  # a constant
_CURRENT = "SELECT id, revision, body FROM {records} WHERE id = $1"


def statement(change: Operation) -> str:
    """The SQL of a change; changes of one form share it."""
    match change:
        case Revoke():
            return _REVOKE
        case Add(id=None):
            return _sql(_ADD, change.collection)
        case Add():
            return _sql(_ADD_UNDER, change.collection)
        case Replace():
            return _sql(_REPLACE, change.collection)
        case Remove():
            return _sql(_REMOVE, change.collection)


def arguments(change: Operation) -> tuple[Any, ...]:
    """What is bound to the SQL of a change."""
    match change:
        case Revoke():
            return bounded(change.key), change.expires
        case Remove():
            return change.id, change.expected
        case Replace():
            return *values(change), change.id, change.expected
        case Add():
            return values(change) if change.id is None else (*values(change), change.id)


def values(change: Add | Replace) -> tuple[str, str | None, str, str]:
    """The body, or what comes after an id not known yet; the key, the hidden fields, the folded texts."""
    shown = _shown(change)
    body = encode(0, shown).removeprefix(b'{"id":0') if change.id is None else encode(change.id, shown)
    key = change.collection.unique_key(change.data)
    _, hidden = change.collection.split(change.data)
    return (
        body.decode(),
        None if key is None else bounded(key),
        orjson.dumps(hidden).decode(),
        orjson.dumps(_folded(shown)).decode(),
    )


def outcome(change: Operation, row: Mapping[str, Any]) -> Record | None:
    """What a change answers, from the row that its SQL gave."""
    if isinstance(change, (Revoke, Remove)):
        return None
    return Record(row["id"], row["revision"], encode(row["id"], _shown(change)))


async def refusal(connection: Any, change: Add | Replace | Remove) -> StoreError:
    """Why a change did nothing."""
    row = None
    if change.id is not None:
        row = await connection.fetchrow(_sql(_CURRENT, change.collection), change.id)
    if isinstance(change, Add):
        return taken(change.collection, by_id=row is not None)
    if row is None:
        return RecordNotFound()
    if change.expected not in (None, row["revision"]):
        return RevisionMismatch(Record(*row))
    return taken(change.collection)


def taken(collection: Collection, *, by_id: bool = False) -> DuplicateValue:
    """The refusal of a value that another record has."""
    return DuplicateValue("id" if by_id else collection.unique or "")


@cache
def _sql(template: str, collection: Collection) -> str:
    sequence = ids(collection)
    return template.format(records=records(collection), ids=sequence, sequence=literal(sequence))


def _shown(change: Add | Replace) -> dict[str, Any]:
    shown, _ = change.collection.split(change.data)
    shown.pop("id", None)
    return shown


def _folded(shown: Mapping[str, Any]) -> dict[str, str | list[str]]:
    folded: dict[str, str | list[str]] = {}
    for name, value in shown.items():
        if isinstance(value, str):
            folded[name] = fold(value)
        elif isinstance(value, list):
            folded[f"{name}[]"] = [fold(element) for element in value if isinstance(element, str)]
    return folded
