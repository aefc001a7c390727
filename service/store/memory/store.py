"""The store in memory: dicts. Quick, and gone when the process ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import orjson

from service.store.base import (
    Add,
    Collection,
    DuplicateValue,
    IdempotencyKey,
    IdempotencyKeyReused,
    Operation,
    Page,
    Query,
    Record,
    RecordNotFound,
    Remove,
    Replace,
    RevisionMismatch,
    Revoke,
    Store,
    encode,
    fold,
)
from service.store.memory import scanning
from service.store.memory.expiry import forget
from service.store.memory.index import Index
from service.store.memory.table import Row, Table, record

Undo = tuple[Callable[..., None], tuple[Any, ...]]
"""A method, and what to call it with."""

_TURN = 1000  # records that a scan reads before others may have their turn


class Outcome(NamedTuple):
    """What a `Once` key stands for."""

    fingerprint: str
    records: list[Record | None]
    expires: int


class MemoryStore(Store):
    """Writes run to their end without giving way to anything else: the event loop is the lock."""

    durable: ClassVar[bool] = False
    shared: ClassVar[bool] = False
    name = "memory:"

    def __init__(self) -> None:
        self._shelves: dict[str, Table] = {}
        self._revoked: dict[str, int] = {}
        self._outcomes: dict[str, Outcome] = {}
        # The clock, so that a client's ETag from before a restart matches nothing of after it.
        self._revision = time.time_ns() // 1000
        self._written = False

    async def open(self, collections: Sequence[Collection]) -> None:
        for collection in collections:
            indexes = tuple(Index(field) for field in collection.indexed)
            self._shelves.setdefault(collection.name, Table(indexes))

    async def close(self) -> None:
        return

    async def get(self, collection: Collection, id: int) -> Record | None:
        row = self._shelves[collection.name].rows.get(id)
        return None if row is None else record(row)

    async def lookup(self, collection: Collection, value: str) -> Record | None:
        shelf = self._shelves[collection.name]
        id = shelf.ids.get(fold(value))
        return None if id is None else record(shelf.rows[id])

    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        row = self._shelves[collection.name].rows.get(id)
        return None if row is None else orjson.loads(row[3])

    async def find(self, collection: Collection, query: Query) -> Page:
        return await scanning.page(self._shelves[collection.name], query)

    async def write(self, *changes: Operation, once: IdempotencyKey | None = None) -> list[Record | None]:
        if once is not None and (before := self._outcome(once)) is not None:
            return before
        records = self._apply(changes)
        if once is not None:
            self._outcomes[once.key] = Outcome(once.fingerprint, list(records), once.expires)
        self._written |= bool(changes)
        return records

    async def replay(self, once: IdempotencyKey) -> list[Record | None] | None:
        return self._outcome(once)

    async def revoked(self, *keys: str) -> bool:
        for key in keys:
            expires = self._revoked.get(key)
            if expires is not None and expires >= time.time():
                return True
        return False

    async def purge(self, now: int) -> int:
        revoked = await forget(self._revoked, lambda expires: expires < now)
        return revoked + await forget(self._outcomes, lambda outcome: outcome.expires < now)

    async def is_new(self) -> bool:
        return not self._written

    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        if self._written:
            return False
        changes = [change async for batch in batches for change in batch]
        is_new = not self._written
        if is_new:
            await self.write(*changes)
        return is_new

    async def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        for count, row in enumerate(self._shelves[collection.name].ordered.copy()):
            if count % _TURN == 0:
                await asyncio.sleep(0)
            yield record(row), orjson.loads(row[3])

    async def ping(self) -> None:
        return

    def _outcome(self, once: IdempotencyKey) -> list[Record | None] | None:
        outcome = self._outcomes.get(once.key)
        if outcome is None or outcome.expires < time.time():
            return None
        if outcome.fingerprint != once.fingerprint:
            raise IdempotencyKeyReused
        return list(outcome.records)

    def _apply(self, changes: Sequence[Operation]) -> list[Record | None]:
        """All changes, or none: each one leaves behind how to undo it."""
        undo: list[Undo] = []
        try:
            return [self._change(change, undo) for change in changes]
        except BaseException:
            for step, given in reversed(undo):
                step(*given)
            raise

    def _change(self, change: Operation, undo: list[Undo]) -> Record | None:
        if isinstance(change, Revoke):
            undo.append((self._restore, (change.key, self._revoked.get(change.key))))
            self._revoked[change.key] = max(change.expires, self._revoked.get(change.key, 0))
            return None
        shelf = self._shelves[change.collection.name]
        id = (change.id or shelf.last + 1) if isinstance(change, Add) else change.id
        old = shelf.rows.get(id)
        if not isinstance(change, Add):
            _expect(old, change.expected)
        undo.append((shelf.restore, (id, old, shelf.last)))
        if isinstance(change, Remove):
            shelf.drop(id)
            return None
        row = self._row(shelf, change, id, old)
        shelf.put(row)
        return record(row)

    def _restore(self, key: str, expires: int | None) -> None:
        if expires is None:
            del self._revoked[key]
        else:
            self._revoked[key] = expires

    def _row(self, shelf: Table, change: Add | Replace, id: int, old: Row | None) -> Row:
        collection = change.collection
        key = collection.key(change.data)
        if isinstance(change, Add) and old is not None:
            raise DuplicateValue("id")
        if key is not None and shelf.ids.get(key, id) != id:
            raise DuplicateValue(collection.unique or "")
        shown, hidden = collection.split(change.data)
        if old is not None and hidden:
            hidden = orjson.loads(old[3]) | hidden
        kept = old[3] if old is not None and not hidden else _copy(orjson.dumps(hidden))
        self._revision += 1
        values = tuple([index.value(shown) for index in shelf.indexes])
        return id, self._revision, _copy(encode(id, shown)), kept, key, values


def _copy(text: bytes) -> bytes:
    # What orjson answers lies at the beginning of kilobytes that nothing else can use as long as it is kept.
    return bytes(memoryview(text))


def _expect(old: Row | None, expected: int | None) -> None:
    if old is None:
        raise RecordNotFound
    if expected is not None and old[1] != expected:
        raise RevisionMismatch(record(old))
