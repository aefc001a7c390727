"""The store in memory: dicts. Quick, and gone when the process ends."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from service.store import scanning
from service.store.base import (
    Add,
    Change,
    Collection,
    Missing,
    Once,
    Page,
    Query,
    Record,
    Remove,
    Replace,
    Reused,
    Revoke,
    Stale,
    Store,
    Taken,
    encode,
    fold,
)


class Row(NamedTuple):
    """A record as kept. `shown` is never handed out, so that nobody can change what is kept."""

    record: Record
    shown: dict[str, Any]
    hidden: dict[str, Any]
    key: str | None


@dataclass(slots=True)
class Shelf:
    """The rows of one collection, and the id of each unique key."""

    rows: dict[int, Row] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    last: int = 0


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
        self._shelves: dict[str, Shelf] = {}
        self._revoked: dict[str, int] = {}
        self._outcomes: dict[str, Outcome] = {}
        # The clock, so that a client's ETag from before a restart matches nothing of after it.
        self._revision = time.time_ns() // 1000
        self._written = False

    async def open(self, collections: Sequence[Collection]) -> None:
        for collection in collections:
            self._shelves.setdefault(collection.name, Shelf())

    async def close(self) -> None:
        return

    async def get(self, collection: Collection, id: int) -> Record | None:
        row = self._shelves[collection.name].rows.get(id)
        return None if row is None else row.record

    async def lookup(self, collection: Collection, value: str) -> Record | None:
        shelf = self._shelves[collection.name]
        id = shelf.ids.get(fold(value))
        return None if id is None else shelf.rows[id].record

    async def secrets(self, collection: Collection, id: int) -> dict[str, Any] | None:
        row = self._shelves[collection.name].rows.get(id)
        return None if row is None else dict(row.hidden)

    async def find(self, collection: Collection, query: Query) -> Page:
        rows = self._shelves[collection.name].rows
        return await scanning.page(rows, query)

    async def write(self, *changes: Change, once: Once | None = None) -> list[Record | None]:
        if once is not None and (outcome := self._outcomes.get(once.key)) is not None:
            if outcome.fingerprint != once.fingerprint:
                raise Reused
            return list(outcome.records)
        records = self._apply(changes)
        if once is not None:
            self._outcomes[once.key] = Outcome(once.fingerprint, list(records), once.expires)
        self._written = True
        return records

    async def revoked(self, *keys: str) -> bool:
        return any(key in self._revoked for key in keys)

    async def purge(self, now: int) -> int:
        revoked = [key for key, expires in self._revoked.items() if expires < now]
        outcomes = [key for key, outcome in self._outcomes.items() if outcome.expires < now]
        for key in revoked:
            del self._revoked[key]
        for key in outcomes:
            del self._outcomes[key]
        return len(revoked) + len(outcomes)

    async def pristine(self) -> bool:
        return not self._written

    async def seed(self, changes: Sequence[Change]) -> bool:
        if self._written:
            return False
        await self.write(*changes)
        return True

    async def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        rows = self._shelves[collection.name].rows
        for id in sorted(rows):
            if (row := rows.get(id)) is not None:
                yield row.record, dict(row.hidden)

    async def ping(self) -> None:
        return

    def _apply(self, changes: Sequence[Change]) -> list[Record | None]:
        """All changes, or none: each one done leaves behind how to undo it."""
        undo: list[tuple[Shelf, int, Row | None, int]] = []
        try:
            return [self._change(change, undo) for change in changes]
        except Exception:
            for shelf, id, row, last in reversed(undo):
                self._put(shelf, id, row)
                shelf.last = last
            raise

    def _change(self, change: Change, undo: list[tuple[Shelf, int, Row | None, int]]) -> Record | None:
        if isinstance(change, Revoke):
            self._revoked[change.key] = max(change.expires, self._revoked.get(change.key, 0))
            return None
        shelf = self._shelves[change.collection.name]
        id = (change.id or shelf.last + 1) if isinstance(change, Add) else change.id
        old = shelf.rows.get(id)
        if not isinstance(change, Add):
            _expect(old, change.expected)
        row = None if isinstance(change, Remove) else self._row(shelf, change, id, old)
        undo.append((shelf, id, old, shelf.last))
        self._put(shelf, id, row)
        return None if row is None else row.record

    def _row(self, shelf: Shelf, change: Add | Replace, id: int, old: Row | None) -> Row:
        collection = change.collection
        key = collection.key(change.data)
        if isinstance(change, Add) and old is not None:
            raise Taken("id")
        if key is not None and shelf.ids.get(key, id) != id:
            raise Taken(collection.unique or "")
        shown, hidden = collection.split(change.data)
        body = encode(id, shown)
        self._revision += 1
        record = Record(id, self._revision, body)
        return Row(record, record.data, {**(old.hidden if old else {}), **hidden}, key)

    def _put(self, shelf: Shelf, id: int, row: Row | None) -> None:
        old = shelf.rows.get(id)
        if old is not None and old.key is not None:
            shelf.ids.pop(old.key, None)
        if row is None:
            shelf.rows.pop(id, None)
            return
        shelf.rows[id] = row
        shelf.last = max(shelf.last, id)
        if row.key is not None:
            shelf.ids[row.key] = id


def _expect(old: Row | None, expected: int | None) -> None:
    if old is None:
        raise Missing
    if expected is not None and old.record.revision != expected:
        raise Stale(old.record)
