"""The store in memory: fast, and empty after every start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, NamedTuple

import orjson

from service.store.base import (
    Add,
    Collection,
    IdempotencyKey,
    IdempotencyKeyReused,
    Operation,
    Page,
    Query,
    Record,
    Store,
    StoreUnavailable,
    fold,
)
from service.store.memory.expiry import delete_expired
from service.store.memory.index import Index
from service.store.memory.query import find_page
from service.store.memory.table import Table, to_record
from service.store.memory.writer import Writer

_CHUNK_SIZE = 1000  # records that a scan reads between two yields to the event loop


class StoredResult(NamedTuple):
    """The result of the write with an idempotency key."""

    fingerprint: str
    records: list[Record | None]
    expires: int


class MemoryStore(Store):
    """Reads and writes run without yielding to the event loop, except for `find`, `purge`, `fill` and `scan`."""

    durable: ClassVar[bool] = False
    shared: ClassVar[bool] = False
    name = "memory:"

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._revoked: dict[str, int] = {}
        self._results: dict[str, StoredResult] = {}
        self._writer = Writer(self._tables, self._revoked)
        self._written = False
        self._is_open = False

    async def open(self, collections: Sequence[Collection]) -> None:
        for collection in collections:
            indexes = tuple(Index(field) for field in collection.indexed)
            self._tables.setdefault(collection.name, Table(indexes))
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    async def ping(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("The store is not open.")

    async def get(self, collection: Collection, id: int) -> Record | None:
        row = self._tables[collection.name].rows.get(id)
        return None if row is None else to_record(row)

    async def lookup(self, collection: Collection, value: str) -> Record | None:
        table = self._tables[collection.name]
        id = table.ids.get(fold(value))
        return None if id is None else to_record(table.rows[id])

    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        row = self._tables[collection.name].rows.get(id)
        return None if row is None else orjson.loads(row[3])

    async def find(self, collection: Collection, query: Query) -> Page:
        return await find_page(self._tables[collection.name], query)

    async def write(self, *operations: Operation, idempotency_key: IdempotencyKey | None = None) -> list[Record | None]:
        key = idempotency_key
        if key is not None and (earlier := await self.replay(key)) is not None:
            return earlier
        records = self._writer.apply(operations)
        if key is not None:
            self._results[key.key] = StoredResult(key.fingerprint, list(records), key.expires)
        self._written |= bool(operations)
        return records

    async def replay(self, idempotency_key: IdempotencyKey) -> list[Record | None] | None:
        stored = self._results.get(idempotency_key.key)
        if stored is None or stored.expires < time.time():
            return None
        if stored.fingerprint != idempotency_key.fingerprint:
            raise IdempotencyKeyReused
        return list(stored.records)

    async def revoked(self, *keys: str) -> bool:
        for key in keys:
            expires = self._revoked.get(key)
            if expires is not None and expires >= time.time():
                return True
        return False

    async def purge(self, now: int) -> int:
        revoked = await delete_expired(self._revoked, lambda expires: expires < now)
        return revoked + await delete_expired(self._results, lambda result: result.expires < now)

    async def is_new(self) -> bool:
        return not self._written

    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        if self._written:
            return False
        operations = [operation async for batch in batches for operation in batch]
        is_new = not self._written
        if is_new:
            await self.write(*operations)
        return is_new

    async def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        for count, row in enumerate(self._tables[collection.name].sorted_rows.copy()):
            if count % _CHUNK_SIZE == 0:
                await asyncio.sleep(0)
            yield to_record(row), orjson.loads(row[3])
