"""One transaction of the SQLite store: the writes of several callers, each of them whole or not at all."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson

from service.store.base import (
    Add,
    Collection,
    DuplicateValue,
    IdempotencyKey,
    IdempotencyKeyReused,
    Operation,
    Record,
    RecordNotFound,
    Remove,
    Replace,
    RevisionMismatch,
    Revoke,
)
from service.store.sqlite.file import failure
from service.store.sqlite.table import Row, Table, row

Job = Callable[["Transaction"], Any]

_UNIQUE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


class Count(NamedTuple):
    """The highest id a collection ever gave, and how many records it has."""

    last: int
    total: int


class Transaction:
    """Begun when it is made, and saved to the tables by `finish`; the writer commits it or rolls it back."""

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._now = time.time()
        # At least the clock, so that revisions of a file that was lost, or put back from a copy, do not come again.
        self._least = int(self._now * 1_000_000)
        (self._found,) = connection.execute("SELECT revision FROM _state").fetchone()
        self._revision: int = self._found
        self._counts: dict[str, Count] = {}

    def finish(self) -> None:
        """Save what was counted, if anything was: what changes nothing need not wait for the disk."""
        if self._revision != self._found:
            self._connection.execute("UPDATE _state SET revision = ?", (self._revision,))
        for name, count in self._counts.items():
            self._connection.execute("UPDATE _collections SET last = ?, total = ? WHERE name = ?", (*count, name))

    def attempt(self, job: Job) -> Any:
        """What the job answers, or the exception that it raised, after which nothing of what it did is left.

        Raises sqlite3.Error where not only the job failed, but the transaction.
        """
        before = self._revision, self._counts.copy()
        try:
            return job(self)
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            self._revision, self._counts = before
            return failure(error) if isinstance(error, sqlite3.Error) else error

    def write(self, changes: Sequence[Operation], once: IdempotencyKey | None = None) -> list[Record | None]:
        """Make the changes, or return what they returned the first time. Raises as Store.write."""
        if once is None and len(changes) == 1:
            return [self._change(changes[0])]  # one statement, which is whole or not at all by itself
        with self._whole():
            if once is not None and (records := outcome(once, self._connection)) is not None:
                return records
            records = [self._change(change) for change in changes]
            if once is not None:
                kept = [record and (record.id, record.revision, record.body.decode()) for record in records]
                values = once.key, once.fingerprint, once.expires, orjson.dumps(kept).decode()
                self._connection.execute("INSERT OR REPLACE INTO _once VALUES (?, ?, ?, ?)", values)
            return records

    @property
    def first(self) -> bool:
        """Whether nothing was ever written, in this transaction or before."""
        return not self._revision

    def purge(self, now: int, most: int) -> int:
        """Forget what expired before `now`, of each kind at most so many; how many there were."""
        with self._whole():
            return sum(
                self._connection.execute(
                    f"DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE expires < ? LIMIT ?)",  # noqa: S608
                    (now, most),
                ).rowcount
                for table in ("_revoked", "_once")
            )

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Let several statements leave nothing behind if one of them fails."""
        self._connection.execute("SAVEPOINT job")
        try:
            yield
        except Exception:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO job")
                self._connection.execute("RELEASE job")
            raise
        self._connection.execute("RELEASE job")

    def _change(self, change: Operation) -> Record | None:
        self._revision = max(self._revision + 1, self._least)
        match change:
            case Add():
                return self._add(change)
            case Replace():
                return self._replace(change)
            case Remove():
                self._remove(change)
            case Revoke():
                self._revoke(change)
        return None

    def _add(self, change: Add) -> Record:
        table = self._tables[change.collection.name]
        last, total = self._count(change.collection)
        id = change.id or last + 1
        made = row(change.collection, id, change.data)
        self._put(table.insert, id, made, change)
        self._counts[change.collection.name] = Count(max(last, id), total + 1)
        return Record(id, self._revision, made.body.encode())

    def _replace(self, change: Replace) -> Record:
        table = self._tables[change.collection.name]
        # Only hidden fields have to be read before: what is not there, or another revision, no row is found for.
        hidden = self._current(change) if change.collection.write_only else None
        made = row(change.collection, change.id, change.data, hidden)
        update, expected = (table.update, ()) if change.expected is None else (table.update_if, (change.expected,))
        if self._put(update, change.id, made, change, *expected) == 0:
            self._current(change)
        return Record(change.id, self._revision, made.body.encode())

    def _remove(self, change: Remove) -> None:
        self._current(change)
        last, total = self._count(change.collection)
        self._connection.execute(self._tables[change.collection.name].delete, (change.id,))
        self._counts[change.collection.name] = Count(last, total - 1)

    def _revoke(self, change: Revoke) -> None:
        sql = "INSERT INTO _revoked VALUES (?, ?) ON CONFLICT DO UPDATE SET expires = max(expires, excluded.expires)"
        self._connection.execute(sql, (change.key, change.expires))

    def _count(self, collection: Collection) -> Count:
        count = self._counts.get(collection.name)
        if count is None:
            sql = "SELECT last, total FROM _collections WHERE name = ?"
            count = Count._make(self._connection.execute(sql, (collection.name,)).fetchone())
        return count

    def _current(self, change: Replace | Remove) -> bytes | None:
        """The hidden fields of the record to change. Raises RecordNotFound, RevisionMismatch."""
        table = self._tables[change.collection.name]
        found = self._connection.execute(table.current, (change.id,)).fetchone()
        if found is None:
            raise RecordNotFound
        *record, hidden = found
        if change.expected is not None and change.expected != record[1]:
            raise RevisionMismatch(Record._make(record))
        return hidden  # type: ignore[no-any-return]  # the column is text or null

    def _put(self, sql: str, id: int, made: Row, change: Add | Replace, *expected: int) -> int:
        """How many rows were written: one, or none."""
        try:
            return self._connection.execute(sql, (*made, self._revision, id, *expected)).rowcount
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode not in _UNIQUE:
                raise
            unique = error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE
            raise DuplicateValue((unique and change.collection.unique) or "id") from None


def outcome(once: IdempotencyKey, connection: sqlite3.Connection) -> list[Record | None] | None:
    """Return what the write under this key returned; None if there was none. Raises IdempotencyKeyReused."""
    sql = "SELECT fingerprint, records FROM _once WHERE key = ? AND expires >= ?"
    found = connection.execute(sql, (once.key, time.time())).fetchone()
    if found is None:
        return None
    if found[0].decode() != once.fingerprint:
        raise IdempotencyKeyReused
    return [record and Record(record[0], record[1], record[2].encode()) for record in orjson.loads(found[1])]
