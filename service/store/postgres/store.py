"""The store in PostgreSQL, which several instances of the service can share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, ClassVar, TypeVar

import orjson

from service.store.base import (
    Add,
    Collection,
    IdempotencyKey,
    Operation,
    Page,
    Query,
    Record,
    Revoke,
    Store,
    StoreUnusable,
    fold,
)
from service.store.postgres import transactions
from service.store.postgres.batched_reads import BatchedReads
from service.store.postgres.errors import DRIVER_ERRORS, SourceError, TransactionConflict, wrap_source_errors
from service.store.postgres.names import records_table, stored_key
from service.store.postgres.pool import Pool
from service.store.postgres.query import find_sql
from service.store.postgres.revocations import Revocations
from service.store.postgres.schema import prepare

_GET = "SELECT id, revision, body FROM {records} WHERE id = ANY ($1::bigint[])"
_LOOKUP = "SELECT id, revision, body FROM {records} WHERE key = $1"
_GET_WRITE_ONLY = "SELECT hidden FROM {records} WHERE id = $1"
_SCAN = "SELECT id, revision, body, hidden FROM {records} ORDER BY id"
_IS_NEW = "SELECT NOT written FROM shipyard.state"
_PURGE = """
    DELETE FROM shipyard.{table} WHERE key IN (
        SELECT key FROM shipyard.{table} WHERE expires < $1 LIMIT {batch} FOR UPDATE SKIP LOCKED
    )
"""
_BATCH_SIZE = 1000  # rows
_MAX_RETRIES = 3
_VALID_IDS = range(1, 2**63)
T = TypeVar("T")


class PostgresStore(Store):
    """A PostgreSQL database; patience: the seconds that `open` waits for a server that does not respond yet."""

    durable: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    def __init__(self, url: str, patience: float = 30.0) -> None:
        self._pool = Pool(url)
        self._patience = patience
        self._revocations = Revocations(self._pool)
        self._reads_by_id: dict[str, BatchedReads[Record]] = {}
        self._written = False  # as far as this instance knows

    @property
    def name(self) -> str:
        return self._pool.name

    async def open(self, collections: Sequence[Collection]) -> None:
        connection = await self._pool.connect_with_retry(self._patience)
        try:
            await prepare(connection, collections)
        except DRIVER_ERRORS as error:
            raise StoreUnusable(f"Cannot create or migrate the tables in {self.name}: {error}") from error
        finally:
            await connection.close()
        await self._pool.open()
        self._revocations.start()

    async def close(self) -> None:
        await self._revocations.close()
        await self._pool.close()

    async def ping(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("SELECT 1")

    async def get(self, collection: Collection, id: int) -> Record | None:
        if id not in _VALID_IDS:
            return None
        reads = self._reads_by_id.get(collection.name)
        if reads is None:
            reads = self._reads_by_id[collection.name] = BatchedReads(partial(self._get_all, collection))
        return await reads.get(id)

    async def _get_all(self, collection: Collection, ids: Sequence[int]) -> Mapping[int, Record]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_formatted(_GET, collection), ids)
        return {row[0]: Record(*row) for row in rows}

    async def lookup(self, collection: Collection, value: str) -> Record | None:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_formatted(_LOOKUP, collection), stored_key(fold(value)))
        return None if row is None else Record(*row)

    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        if id not in _VALID_IDS:
            return None
        async with self._pool.connection() as connection:
            write_only = await connection.fetchval(_formatted(_GET_WRITE_ONLY, collection), id)
        return None if write_only is None else orjson.loads(write_only)

    async def find(self, collection: Collection, query: Query) -> Page:
        sql, arguments = find_sql(collection, query)
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(sql, *arguments)
        columns = (row["ids"] or (), row["revisions"] or (), row["bodies"] or ())
        return Page(tuple([Record(*values) for values in zip(*columns, strict=True)]), row["total"])

    async def write(self, *operations: Operation, idempotency_key: IdempotencyKey | None = None) -> list[Record | None]:
        # The first write of an instance needs a transaction to mark the store as written.
        if self._written and idempotency_key is None and transactions.is_single_statement(operations):
            write = partial(transactions.write_one, operation=operations[0])
        else:
            write = partial(transactions.write_all, operations=operations, idempotency_key=idempotency_key)
        result = await self._retry_conflicts(write)
        self._written = True
        for operation in operations:
            if isinstance(operation, Revoke):
                self._revocations.add(stored_key(operation.key), operation.expires)
        return result

    async def replay(self, idempotency_key: IdempotencyKey) -> list[Record | None] | None:
        async with self._pool.connection() as connection:
            return await transactions.replay(connection, idempotency_key)

    async def revoked(self, *keys: str) -> bool:
        return await self._revocations.any_revoked([stored_key(key) for key in keys])

    async def purge(self, now: int) -> int:
        total = 0
        for table in ("revocations", "outcomes"):
            sql = _PURGE.format(table=table, batch=_BATCH_SIZE)
            deleted = _BATCH_SIZE
            while deleted == _BATCH_SIZE:
                async with self._pool.connection() as connection:
                    deleted = int((await connection.execute(sql, now)).removeprefix("DELETE "))
                total += deleted
        await self._revocations.delete_expired(now)
        return total

    async def is_new(self) -> bool:
        async with self._pool.connection() as connection:
            return bool(await connection.fetchval(_IS_NEW))

    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        # Without retries, because the iterator can be consumed only once.
        try:
            async with self._pool.connection() as connection:
                return await transactions.fill(connection, wrap_source_errors(batches))
        except SourceError as error:
            raise error.raised from None

    async def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        async with self._pool.connection() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(_formatted(_SCAN, collection), prefetch=_BATCH_SIZE):
                yield Record(row[0], row[1], row[2]), orjson.loads(row[3])

    async def _retry_conflicts(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Return the result of `work` on a connection, and retry it after conflicts with other transactions."""
        for _ in range(_MAX_RETRIES):
            try:
                async with self._pool.connection() as connection:
                    return await work(connection)
            except TransactionConflict:
                continue
        async with self._pool.connection() as connection:
            return await work(connection)


@cache
def _formatted(template: str, collection: Collection) -> str:
    return template.format(records=records_table(collection))
