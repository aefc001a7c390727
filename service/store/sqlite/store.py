"""The store in a SQLite file with a write-ahead log, for one or several processes of one machine."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import orjson

from service.store.base import (
    Add,
    Collection,
    IdempotencyKey,
    Operation,
    Page,
    Query,
    Record,
    Store,
    StoreUnavailable,
    fold,
)
from service.store.sqlite.connection import connect
from service.store.sqlite.file import prepare
from service.store.sqlite.find import find, find_if_cheap, is_unfiltered
from service.store.sqlite.reader import Reader
from service.store.sqlite.results import load_result
from service.store.sqlite.table import Table
from service.store.sqlite.transaction import Transaction
from service.store.sqlite.writer import Writer

_MAX_INLINE = 1000  # records that a read in the event loop's thread may examine
_BATCH_SIZE = 500  # records that a scan reads, and keys that a purge deletes, at a time


class SQLiteStore(Store):
    """A SQLite file. With `synchronous` other than FULL, a power failure can lose committed writes."""

    durable: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    def __init__(self, path: Path, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> None:
        self._path = path
        self._synchronous = synchronous
        self._tables: dict[str, Table] = {}
        self._is_open = False

    @property
    def name(self) -> str:
        return f"sqlite:///{self._path}"

    async def open(self, collections: Sequence[Collection]) -> None:
        self._tables = {collection.name: Table(collection) for collection in collections}
        with ThreadPoolExecutor(1) as thread:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(thread, prepare, self._path, self._tables.values())
        connect_to_file = partial(connect, self._path, self._synchronous)
        self._reader = Reader(connect_to_file)
        self._writer = Writer(connect_to_file(), self._tables)
        self._is_open = True

    async def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._reader.close()
            await self._writer.close()

    async def ping(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("The store is not open.")
        await self._reader.read_inline(None, partial(_fetch_one, "SELECT 1 FROM _state", ()))

    async def get(self, collection: Collection, id: int) -> Record | None:
        return await self._record(self._tables[collection.name].get, id)

    async def lookup(self, collection: Collection, value: str) -> Record | None:
        return await self._record(self._tables[collection.name].lookup, fold(value))

    async def _record(self, sql: str, value: int | str) -> Record | None:
        return await self._reader.read_inline((sql, value), partial(_fetch_record, sql, value))

    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        read = partial(_fetch_one, self._tables[collection.name].get_write_only, (id,))
        row = await self._reader.read_inline(None, read)
        return None if row is None else _decoded(row[0])

    async def find(self, collection: Collection, query: Query) -> Page:
        table = self._tables[collection.name]
        cache_key = (table.name, query.start, query.limit, query.after) if is_unfiltered(query) else None
        page = await self._reader.read_inline(
            cache_key, lambda connection: find_if_cheap(table, query, _MAX_INLINE, connection)
        )
        if page is None:
            return await self._reader.read_in_thread(lambda connection: find(table, query, connection))
        return page

    async def write(self, *operations: Operation, idempotency_key: IdempotencyKey | None = None) -> list[Record | None]:
        records: list[Record | None] = await self._writer.run(
            lambda transaction: transaction.write(operations, idempotency_key)
        )
        return records

    async def replay(self, idempotency_key: IdempotencyKey) -> list[Record | None] | None:
        return await self._reader.read_inline(
            None, lambda connection: load_result(connection, idempotency_key, time.time())
        )

    async def revoked(self, *keys: str) -> bool:
        (expires,) = await self._reader.read_inline(
            ("revoked", *keys), partial(_fetch_one, _max_expires(len(keys)), keys)
        )
        return expires is not None and bool(expires >= time.time())

    async def purge(self, now: int) -> int:
        total = 0
        while deleted := await self._writer.run(lambda transaction: transaction.purge(now, _BATCH_SIZE)):
            total += deleted
        return total

    async def is_new(self) -> bool:
        read = partial(_fetch_one, "SELECT 1 FROM _state WHERE revision = 0", ())
        return await self._reader.read_inline(None, read) is not None

    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        async def job(transaction: Transaction) -> bool:
            if not transaction.is_first:
                return False
            async for batch in batches:
                transaction.write(batch)
            return True

        return bool(await self._writer.run_exclusively(job))

    async def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        sql, last = self._tables[collection.name].scan, 0
        while rows := await self._reader.read_in_thread(partial(_fetch_batch, sql, last)):
            for last, revision, body, write_only in rows:
                yield Record(last, revision, body), _decoded(write_only)


@cache
def _max_expires(count: int) -> str:
    placeholders = ", ".join("?" * count)
    return f"SELECT max(expires) FROM _revoked WHERE key IN ({placeholders})"  # noqa: S608  # only question marks


def _decoded(write_only: bytes | None) -> dict[str, Any]:
    return orjson.loads(write_only) if write_only else {}


def _fetch_record(sql: str, value: int | str, connection: sqlite3.Connection) -> Record | None:
    row = connection.execute(sql, (value,)).fetchone()
    return row and Record._make(row)


def _fetch_one(sql: str, values: Sequence[Any], connection: sqlite3.Connection) -> Any:
    return connection.execute(sql, values).fetchone()


def _fetch_batch(sql: str, last: int, connection: sqlite3.Connection) -> list[Any]:
    return connection.execute(sql, (last, _BATCH_SIZE)).fetchall()
