"""Writes: changes made in one transaction, at most once under a key."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import asyncpg
import orjson

from service.store.base import (
    Add,
    IdempotencyKey,
    IdempotencyKeyReused,
    Operation,
    Record,
    Remove,
    Replace,
    Revoke,
    StoreError,
)
from service.store.postgres.changes import arguments, outcome, refusal, statement, taken
from service.store.postgres.errors import Collided, meaning
from service.store.postgres.names import bounded, name, records

_BATCH = 1000  # statements sent at once
_MARK = "UPDATE shipyard.state SET written = TRUE WHERE NOT written RETURNING written"
_FILL = "LOCK TABLE {records} IN SHARE ROW EXCLUSIVE MODE"
_CHANGE = "SELECT FROM {records} WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE"
# Whoever comes second waits here for the transaction of the first.
_CLAIM = """
    INSERT INTO shipyard.outcomes AS old (key, fingerprint, expires) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, expires = excluded.expires, records = NULL
    WHERE old.expires < $4 RETURNING key
"""
_CLAIMED = "SELECT fingerprint, records FROM shipyard.outcomes WHERE key = $1"
_COMMITTED = "SELECT fingerprint, records FROM shipyard.outcomes WHERE key = $1 AND expires >= $2"
_KEEP = "UPDATE shipyard.outcomes SET records = $2 WHERE key = $1"

Answer = list[Record | None]


def stand_alone(changes: Sequence[Operation]) -> bool:
    """Whether one statement is all that the changes take."""
    return len(changes) == 1 and not (isinstance(changes[0], Add) and changes[0].id is not None)


async def at_once(connection: Any, change: Operation) -> Answer:
    """Make one change; its statement is its transaction."""
    with meaning(committing=True):
        return await _make(connection, [change])


async def together(connection: Any, changes: Sequence[Operation], once: IdempotencyKey | None = None) -> Answer:
    """Make the changes in one transaction, or none of them; `once`: or answer as before."""
    async with _transaction(connection):
        await connection.execute(_MARK)
        if once is not None and (answer := await _claim(connection, once)) is not None:
            return answer
        answer = await _make_all(connection, changes)
        if once is not None:
            await connection.execute(_KEEP, bounded(once.key), _packed(answer))
        return answer


async def first(connection: Any, batches: AsyncIterator[Sequence[Add]]) -> bool:
    """Make all the changes in one transaction if nothing was ever written; whether it was so."""
    async with _transaction(connection):
        # Another first write waits here until this one has ended.
        if await connection.fetchval(_MARK) is None:
            return False
        async for batch in batches:
            await _make_all(connection, batch)
        return True


async def replay(connection: Any, once: IdempotencyKey) -> Answer | None:
    """Return what the write under this key returned; None if there was none. Raises IdempotencyKeyReused."""
    row = await connection.fetchrow(_COMMITTED, bounded(once.key), math.ceil(time.time()))
    if row is None:
        return None
    if row["fingerprint"] != once.fingerprint:
        raise IdempotencyKeyReused
    return _unpacked(row["records"])


@asynccontextmanager
async def _transaction(connection: Any) -> AsyncIterator[None]:
    """A transaction that tells a loss while committing from one before it."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        await transaction.rollback()
        raise
    with meaning(committing=True):
        await transaction.commit()


async def _claim(connection: Any, once: IdempotencyKey) -> Answer | None:
    """What a write under this key answered before; None if this is the first."""
    key = bounded(once.key)
    if await connection.fetchval(_CLAIM, key, once.fingerprint, once.expires, math.ceil(time.time())) is not None:
        return None
    before = await connection.fetchrow(_CLAIMED, key)
    if before is None:
        raise Collided("The key was forgotten at this moment.")
    if before["fingerprint"] != once.fingerprint:
        raise IdempotencyKeyReused
    return _unpacked(before["records"])


def _packed(answer: Answer) -> str:
    return orjson.dumps([each and (each.id, each.revision, each.body.decode()) for each in answer]).decode()


def _unpacked(text: str) -> Answer:
    return [each and Record(each[0], each[1], each[2].encode()) for each in orjson.loads(text)]


async def _make_all(connection: Any, changes: Sequence[Operation]) -> Answer:
    await _lock(connection, changes)
    answer: Answer = []
    for _, group in groupby(changes, statement):
        same = list(group)
        for start in range(0, len(same), _BATCH):
            answer += await _make(connection, same[start : start + _BATCH])
    return answer


async def _lock(connection: Any, changes: Sequence[Operation]) -> None:
    """Lock what is there already, always in the same order, so that no two writes wait for each other."""
    filled = {records(each.collection) for each in changes if isinstance(each, Add) and each.id is not None}
    changed = sorted({(records(each.collection), each.id) for each in changes if isinstance(each, (Replace, Remove))})
    for table in sorted(filled):
        # A given id moves the sequence, and nobody may draw from it meanwhile.
        await connection.execute(_FILL.format(records=table))
    for table, group in groupby(changed, itemgetter(0)):
        await connection.execute(_CHANGE.format(records=table), [id for _, id in group])


async def _make(connection: Any, changes: Sequence[Operation]) -> Answer:
    """Make changes of one form."""
    try:
        rows = await connection.fetchmany(statement(changes[0]), [arguments(change) for change in changes])
    except asyncpg.UniqueViolationError as error:
        raise _taken(changes[0], error) from error
    for change, row in zip(changes, rows, strict=True):
        if row["id"] is None and not isinstance(change, Revoke):
            raise await refusal(connection, change)
    return [outcome(change, row) for change, row in zip(changes, rows, strict=True)]


def _taken(change: Operation, error: asyncpg.UniqueViolationError) -> StoreError:
    """What another write, at the same time, has taken."""
    if isinstance(change, Revoke):
        return Collided("The key was revoked at this moment.")
    return taken(change.collection, by_id=error.constraint_name == name("id", change.collection.name))
