"""The store in one file of this machine, for one process or several: SQLite with a write-ahead log."""

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

from service.store.base import Add, Collection, IdempotencyKey, Operation, Page, Query, Record, Store, fold
from service.store.sqlite.changes import Transaction, outcome
from service.store.sqlite.file import connect, prepare
from service.store.sqlite.find import find, find_near, plain
from service.store.sqlite.reader import Reader
from service.store.sqlite.table import Table
from service.store.sqlite.writer import Writer

_NEAR = 1000  # records that may be looked at in the event loop's thread
_PAGE = 500  # records that a scan reads, and keys that a purge forgets, at a time


class SQLiteStore(Store):
    """With `synchronous` other than FULL, what was acknowledged can be lost when the power is."""

    durable: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    def __init__(self, path: Path, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> None:
        self._path = path
        self._synchronous = synchronous
        self._tables: dict[str, Table] = {}
        self._open = False

    @property
    def name(self) -> str:
        return f"sqlite:///{self._path}"

    async def open(self, collections: Sequence[Collection]) -> None:
        self._tables = {collection.name: Table(collection) for collection in collections}
        with ThreadPoolExecutor(1) as thread:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(thread, prepare, self._path, self._tables.values())
        opened = partial(connect, self._path, self._synchronous)
        self._reader = Reader(opened)
        self._writer = Writer(opened(), self._tables)
        self._open = True

    async def close(self) -> None:
        if self._open:
            self._open = False
            self._reader.close()
            await self._writer.close()

    async def get(self, collection: Collection, id: int) -> Record | None:
        return await self._record(self._tables[collection.name].get, id)

    async def lookup(self, collection: Collection, value: str) -> Record | None:
        return await self._record(self._tables[collection.name].lookup, fold(value))

    async def _record(self, sql: str, value: int | str) -> Record | None:
        return await self._reader.near((sql, value), partial(_record, sql, value))

    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        found = await self._reader.near(None, partial(_first, self._tables[collection.name].secrets, (id,)))
        return None if found is None else _hidden(found[0])

    async def find(self, collection: Collection, query: Query) -> Page:
        table = self._tables[collection.name]
        question = (table.name, query.start, query.limit, query.after) if plain(query) else None
        page = await self._reader.near(question, lambda connection: find_near(table, query, _NEAR, connection))
        if page is None:
            return await self._reader.far(lambda connection: find(table, query, connection))
        return page

    async def write(self, *changes: Operation, once: IdempotencyKey | None = None) -> list[Record | None]:
        records: list[Record | None] = await self._writer.do(lambda transaction: transaction.write(changes, once))
        return records

    async def replay(self, once: IdempotencyKey) -> list[Record | None] | None:
        return await self._reader.near(None, partial(outcome, once))

    async def revoked(self, *keys: str) -> bool:
        (expires,) = await self._reader.near(("revoked", *keys), partial(_first, _revoked(len(keys)), keys))
        return expires is not None and bool(expires >= time.time())

    async def purge(self, now: int) -> int:
        purged = 0
        while some := await self._writer.do(lambda transaction: transaction.purge(now, _PAGE)):
            purged += some
        return purged

    async def is_new(self) -> bool:
        return await self._reader.near(None, partial(_first, "SELECT 1 FROM _state WHERE revision = 0", ())) is not None

    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        async def job(transaction: Transaction) -> bool:
            if not transaction.first:
                return False
            async for batch in batches:
                transaction.write(batch)
            return True

        return bool(await self._writer.alone(job))

    async def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        sql, last = self._tables[collection.name].scan, 0
        while rows := await self._reader.far(partial(_all, sql, last)):
            for last, revision, body, hidden in rows:
                yield Record(last, revision, body), _hidden(hidden)

    async def ping(self) -> None:
        await self._reader.near(None, partial(_first, "SELECT 1 FROM _state", ()))


@cache
def _revoked(count: int) -> str:
    marks = ", ".join("?" * count)
    return f"SELECT max(expires) FROM _revoked WHERE key IN ({marks})"  # noqa: S608  # question marks are all it is made of


def _hidden(kept: bytes | None) -> dict[str, Any]:
    return orjson.loads(kept) if kept else {}


def _record(sql: str, value: int | str, connection: sqlite3.Connection) -> Record | None:
    row = connection.execute(sql, (value,)).fetchone()
    return row and Record._make(row)


def _first(sql: str, values: Sequence[Any], connection: sqlite3.Connection) -> Any:
    return connection.execute(sql, values).fetchone()


def _all(sql: str, last: int, connection: sqlite3.Connection) -> list[Any]:
    return connection.execute(sql, (last, _PAGE)).fetchall()
