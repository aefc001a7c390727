"""Apply operations in transactions."""

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
from service.store.postgres.errors import TransactionConflict, translate_errors
from service.store.postgres.names import identifier, records_table, stored_key
from service.store.postgres.operations import arguments_of, duplicate_value, find_error, result_of, sql_of

_BATCH_SIZE = 1000  # operations sent at a time
_MARK_WRITTEN = "UPDATE shipyard.state SET written = TRUE WHERE NOT written RETURNING written"
_LOCK_TABLE = "LOCK TABLE {records} IN SHARE ROW EXCLUSIVE MODE"
_LOCK_ROWS = "SELECT FROM {records} WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE"
# A concurrent transaction with the same key waits here until the first one ends.
_CLAIM_KEY = """
    INSERT INTO shipyard.outcomes AS old (key, fingerprint, expires) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, expires = excluded.expires, records = NULL
    WHERE old.expires < $4 RETURNING key
"""
_LOAD_RESULT = "SELECT fingerprint, records FROM shipyard.outcomes WHERE key = $1"
_LOAD_COMMITTED = f"{_LOAD_RESULT} AND expires >= $2"
_SAVE_RESULT = "UPDATE shipyard.outcomes SET records = $2 WHERE key = $1"

Result = list[Record | None]


def is_single_statement(operations: Sequence[Operation]) -> bool:
    """Return whether the operations can be applied by `write_one`."""
    return len(operations) == 1 and not (isinstance(operations[0], Add) and operations[0].id is not None)


async def write_one(connection: Any, operation: Operation) -> Result:
    """Apply one operation, whose statement is a transaction by itself."""
    with translate_errors(committing=True):
        return await _apply(connection, [operation])


async def write_all(
    connection: Any, operations: Sequence[Operation], idempotency_key: IdempotencyKey | None = None
) -> Result:
    """Apply the operations in one transaction, or return the earlier result of the idempotency key."""
    async with _transaction(connection):
        await connection.execute(_MARK_WRITTEN)
        if idempotency_key is not None and (earlier := await _claim_key(connection, idempotency_key)) is not None:
            return earlier
        result = await _apply_all(connection, operations)
        if idempotency_key is not None:
            await connection.execute(_SAVE_RESULT, stored_key(idempotency_key.key), _encoded(result))
        return result


async def fill(connection: Any, batches: AsyncIterator[Sequence[Add]]) -> bool:
    """Apply all batches in one transaction if nothing was ever written; return whether that was so."""
    async with _transaction(connection):
        # A concurrent first write waits here until this transaction ends.
        if await connection.fetchval(_MARK_WRITTEN) is None:
            return False
        async for batch in batches:
            await _apply_all(connection, batch)
        return True


async def replay(connection: Any, idempotency_key: IdempotencyKey) -> Result | None:
    """Return the result of the write with this key, or None if there was none. Raises IdempotencyKeyReused."""
    row = await connection.fetchrow(_LOAD_COMMITTED, stored_key(idempotency_key.key), math.ceil(time.time()))
    return None if row is None else _earlier_result(row, idempotency_key)


@asynccontextmanager
async def _transaction(connection: Any) -> AsyncIterator[None]:
    """Run the block in a transaction; only if the connection is lost during the commit, the outcome is unknown."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        await transaction.rollback()
        raise
    with translate_errors(committing=True):
        await transaction.commit()


async def _claim_key(connection: Any, idempotency_key: IdempotencyKey) -> Result | None:
    """Return the result of the write with this key, or None if this is the first. Raises IdempotencyKeyReused."""
    key, now = stored_key(idempotency_key.key), math.ceil(time.time())
    claim = key, idempotency_key.fingerprint, idempotency_key.expires, now
    if await connection.fetchval(_CLAIM_KEY, *claim) is not None:
        return None
    row = await connection.fetchrow(_LOAD_RESULT, key)
    if row is None:
        raise TransactionConflict("The idempotency key was deleted by a concurrent purge.")
    return _earlier_result(row, idempotency_key)


def _earlier_result(row: Any, idempotency_key: IdempotencyKey) -> Result:
    if row["fingerprint"] != idempotency_key.fingerprint:
        raise IdempotencyKeyReused
    return _decoded(row["records"])


def _encoded(result: Result) -> str:
    return orjson.dumps([record and (record.id, record.revision, record.body.decode()) for record in result]).decode()


def _decoded(text: str) -> Result:
    return [record and Record(record[0], record[1], record[2].encode()) for record in orjson.loads(text)]


async def _apply_all(connection: Any, operations: Sequence[Operation]) -> Result:
    await _lock(connection, operations)
    result: Result = []
    for _, group in groupby(operations, sql_of):
        same_sql = list(group)
        for start in range(0, len(same_sql), _BATCH_SIZE):
            result += await _apply(connection, same_sql[start : start + _BATCH_SIZE])
    return result


async def _lock(connection: Any, operations: Sequence[Operation]) -> None:
    """Lock the existing rows that will change, always in the same order, to prevent deadlocks."""
    # An Add with an id advances the sequence, so no concurrent transaction may draw an id from it.
    tables = {records_table(each.collection) for each in operations if isinstance(each, Add) and each.id is not None}
    rows = {(records_table(each.collection), each.id) for each in operations if isinstance(each, (Replace, Remove))}
    for table in sorted(tables):
        await connection.execute(_LOCK_TABLE.format(records=table))
    for table, group in groupby(sorted(rows), itemgetter(0)):
        await connection.execute(_LOCK_ROWS.format(records=table), [id for _, id in group])


async def _apply(connection: Any, operations: Sequence[Operation]) -> Result:
    """Apply operations that have the same SQL."""
    try:
        rows = await connection.fetchmany(sql_of(operations[0]), [arguments_of(operation) for operation in operations])
    except asyncpg.UniqueViolationError as error:
        raise _conflict(operations[0], error) from error
    for operation, row in zip(operations, rows, strict=True):
        if row["id"] is None and not isinstance(operation, Revoke):
            raise await find_error(connection, operation)
    return [result_of(operation, row) for operation, row in zip(operations, rows, strict=True)]


def _conflict(operation: Operation, error: asyncpg.UniqueViolationError) -> StoreError:
    """Return the exception for a value that a concurrent transaction has inserted."""
    if isinstance(operation, Revoke):
        return TransactionConflict("The key was revoked by a concurrent transaction.")
    by_id = error.constraint_name == identifier("id", operation.collection.name)
    return duplicate_value(operation.collection, by_id=by_id)
