"""The store in PostgreSQL: several instances on one database behave as one."""

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
from service.store.postgres import writes
from service.store.postgres.errors import FAILURES, Collided, Foreign, foreign
from service.store.postgres.gathering import Gathering
from service.store.postgres.names import bounded, records
from service.store.postgres.pool import Pool
from service.store.postgres.query import statement
from service.store.postgres.revocations import Revocations
from service.store.postgres.schema import prepare

_GET = "SELECT id, revision, body FROM {records} WHERE id = ANY ($1::bigint[])"
_LOOKUP = "SELECT id, revision, body FROM {records} WHERE key = $1"
_SECRETS = "SELECT hidden FROM {records} WHERE id = $1"
_SCAN = "SELECT id, revision, body, hidden FROM {records} ORDER BY id"
_PRISTINE = "SELECT NOT written FROM shipyard.state"
_PURGE = """
    DELETE FROM shipyard.{table} WHERE key IN (
        SELECT key FROM shipyard.{table} WHERE expires < $1 LIMIT {batch} FOR UPDATE SKIP LOCKED
    )
"""
_BATCH = 1000  # rows
_RETRIES = 3
_IDS = range(1, 2**63)
T = TypeVar("T")


class PostgresStore(Store):
    """Reads and writes through one pool; `patience`: seconds that opening waits for a database not yet there."""

    durable: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    def __init__(self, url: str, patience: float = 30.0) -> None:
        self._pool = Pool(url)
        self._patience = patience
        self._revocations = Revocations(self._pool)
        self._gatherings: dict[str, Gathering[Record]] = {}
        self._written = False  # what is known here; the database knows better

    @property
    def name(self) -> str:
        return self._pool.name

    async def open(self, collections: Sequence[Collection]) -> None:
        connection = await self._pool.reach(self._patience)
        try:
            await prepare(connection, collections)
        except FAILURES as error:
            raise StoreUnusable(f"PostgreSQL does not make the tables in {self.name}: {error}") from error
        finally:
            await connection.close()
        await self._pool.open()
        self._revocations.follow()

    async def close(self) -> None:
        await self._revocations.close()
        await self._pool.close()

    async def get(self, collection: Collection, id: int) -> Record | None:
        if id not in _IDS:
            return None
        gathering = self._gatherings.get(collection.name)
        if gathering is None:
            gathering = self._gatherings[collection.name] = Gathering(partial(self._get, collection))
        return await gathering.get(id)

    async def _get(self, collection: Collection, ids: Sequence[int]) -> Mapping[int, Record]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_sql(_GET, collection), ids)
        return {row[0]: Record(*row) for row in rows}

    async def lookup(self, collection: Collection, value: str) -> Record | None:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_sql(_LOOKUP, collection), bounded(fold(value)))
        return None if row is None else Record(*row)

    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        if id not in _IDS:
            return None
        async with self._pool.connection() as connection:
            hidden = await connection.fetchval(_sql(_SECRETS, collection), id)
        return None if hidden is None else orjson.loads(hidden)

    async def find(self, collection: Collection, query: Query) -> Page:
        sql, arguments = statement(collection, query)
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(sql, *arguments)
        parts = (row["ids"] or (), row["revisions"] or (), row["bodies"] or ())
        return Page(tuple([Record(*each) for each in zip(*parts, strict=True)]), row["total"])

    async def write(self, *changes: Operation, once: IdempotencyKey | None = None) -> list[Record | None]:
        if self._written and once is None and writes.stand_alone(changes):
            answer = await self._attempt(partial(writes.at_once, change=changes[0]))
        else:
            answer = await self._attempt(partial(writes.together, changes=changes, once=once))
        self._written = True
        for change in changes:
            if isinstance(change, Revoke):
                self._revocations.add(bounded(change.key), change.expires)
        return answer

    async def replay(self, once: IdempotencyKey) -> list[Record | None] | None:
        async with self._pool.connection() as connection:
            return await writes.replay(connection, once)

    async def revoked(self, *keys: str) -> bool:
        return await self._revocations.hold([bounded(key) for key in keys])

    async def purge(self, now: int) -> int:
        count = 0
        for table in ("revocations", "outcomes"):
            sql = _PURGE.format(table=table, batch=_BATCH)
            gone = _BATCH
            while gone == _BATCH:
                async with self._pool.connection() as connection:
                    gone = int((await connection.execute(sql, now)).removeprefix("DELETE "))
                count += gone
        await self._revocations.forget(now)
        return count

    async def is_new(self) -> bool:
        async with self._pool.connection() as connection:
            return bool(await connection.fetchval(_PRISTINE))

    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        # Not by _attempt: batches that have been taken cannot be taken again.
        try:
            async with self._pool.connection() as connection:
                return await writes.first(connection, foreign(batches))
        except Foreign as error:
            raise error.raised from None

    async def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        async with self._pool.connection() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(_sql(_SCAN, collection), prefetch=_BATCH):
                yield Record(row[0], row[1], row[2]), orjson.loads(row[3])

    async def ping(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("SELECT 1")

    async def _attempt(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Work on a connection, again if it collides."""
        for _ in range(_RETRIES):
            try:
                async with self._pool.connection() as connection:
                    return await work(connection)
            except Collided:
                continue
        async with self._pool.connection() as connection:
            return await work(connection)


@cache
def _sql(template: str, collection: Collection) -> str:
    return template.format(records=records(collection))
