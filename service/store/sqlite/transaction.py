"""A transaction of the SQLite store, in which jobs of several callers run; each job is applied completely or not."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from service.store.base import (
    Add,
    Collection,
    DuplicateValue,
    IdempotencyKey,
    Operation,
    Record,
    RecordNotFound,
    Remove,
    Replace,
    RevisionMismatch,
    Revoke,
)
from service.store.sqlite.connection import to_store_error
from service.store.sqlite.results import load_result, save_result
from service.store.sqlite.table import Row, Table, make_row

Job = Callable[["Transaction"], Any]

_UNIQUE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


class Counters(NamedTuple):
    """The largest id that a collection ever used, and its number of records."""

    last: int
    total: int


class Transaction:
    """Works within a transaction that the writer has begun, and that it commits or rolls back."""

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._now = time.time()
        # At least the clock, so that no revision is used twice after the file was lost or restored from a backup.
        self._min_revision = int(self._now * 1_000_000)
        (self._saved_revision,) = connection.execute("SELECT revision FROM _state").fetchone()
        self._revision: int = self._saved_revision
        self._counters: dict[str, Counters] = {}

    def run(self, job: Job) -> Any:
        """Return the result of the job or the exception that it raised, in which case its changes are undone.

        Raises sqlite3.Error if the error has ended the whole transaction.
        """
        before = self._revision, self._counters.copy()
        try:
            return job(self)
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            self._revision, self._counters = before
            return to_store_error(error) if isinstance(error, sqlite3.Error) else error

    def save_counters(self) -> None:
        """Write the revision and the counters, if they changed; a commit without changes does not wait for the disk."""
        if self._revision != self._saved_revision:
            self._connection.execute("UPDATE _state SET revision = ?", (self._revision,))
        for name, counters in self._counters.items():
            self._connection.execute("UPDATE _collections SET last = ?, total = ? WHERE name = ?", (*counters, name))

    @property
    def is_first(self) -> bool:
        """Whether nothing was ever written, neither before this transaction nor in it."""
        return not self._revision

    def write(
        self, operations: Sequence[Operation], idempotency_key: IdempotencyKey | None = None
    ) -> list[Record | None]:
        """Apply the operations as `Store.write` does."""
        if idempotency_key is None and len(operations) == 1:
            return [self._apply(operations[0])]  # a single statement, which is atomic without a savepoint
        with self._savepoint():
            if idempotency_key is not None:
                earlier = load_result(self._connection, idempotency_key, self._now)
                if earlier is not None:
                    return earlier
            records = [self._apply(operation) for operation in operations]
            if idempotency_key is not None:
                save_result(self._connection, idempotency_key, records)
            return records

    def purge(self, now: int, limit: int) -> int:
        """Delete up to `limit` keys of each kind that expired before `now`, and return their number."""
        with self._savepoint():
            return sum(
                self._connection.execute(
                    f"DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE expires < ? LIMIT ?)",  # noqa: S608
                    (now, limit),
                ).rowcount
                for table in ("_revoked", "_once")
            )

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        """Undo all statements of the block if one of them fails."""
        self._connection.execute("SAVEPOINT job")
        try:
            yield
        except Exception:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO job")
                self._connection.execute("RELEASE job")
            raise
        self._connection.execute("RELEASE job")

    def _apply(self, operation: Operation) -> Record | None:
        self._revision = max(self._revision + 1, self._min_revision)
        match operation:
            case Add():
                return self._add(operation)
            case Replace():
                return self._replace(operation)
            case Remove():
                self._remove(operation)
            case Revoke():
                self._revoke(operation)
        return None

    def _add(self, add: Add) -> Record:
        table = self._tables[add.collection.name]
        last, total = self._counters_of(add.collection)
        id = add.id or last + 1
        row = make_row(add.collection, id, add.data)
        self._execute(table.insert, id, row, add)
        self._counters[add.collection.name] = Counters(max(last, id), total + 1)
        return Record(id, self._revision, row.body.encode())

    def _replace(self, replace: Replace) -> Record:
        table = self._tables[replace.collection.name]
        # Without write-only fields, the old row is read only to explain why the UPDATE changed none.
        write_only = self._check(replace) if replace.collection.write_only else None
        row = make_row(replace.collection, replace.id, replace.data, write_only)
        if replace.expected is None:
            updated = self._execute(table.update, replace.id, row, replace)
        else:
            updated = self._execute(table.update_if, replace.id, row, replace, replace.expected)
        if updated == 0:
            self._check(replace)
        return Record(replace.id, self._revision, row.body.encode())

    def _remove(self, remove: Remove) -> None:
        self._check(remove)
        last, total = self._counters_of(remove.collection)
        self._connection.execute(self._tables[remove.collection.name].delete, (remove.id,))
        self._counters[remove.collection.name] = Counters(last, total - 1)

    def _revoke(self, revoke: Revoke) -> None:
        sql = "INSERT INTO _revoked VALUES (?, ?) ON CONFLICT DO UPDATE SET expires = max(expires, excluded.expires)"
        self._connection.execute(sql, revoke)

    def _counters_of(self, collection: Collection) -> Counters:
        counters = self._counters.get(collection.name)
        if counters is None:
            sql = "SELECT last, total FROM _collections WHERE name = ?"
            counters = Counters._make(self._connection.execute(sql, (collection.name,)).fetchone())
        return counters

    def _check(self, operation: Replace | Remove) -> bytes | None:
        """Return the write-only fields of the record to change. Raises RecordNotFound, RevisionMismatch."""
        table = self._tables[operation.collection.name]
        row = self._connection.execute(table.get_all, (operation.id,)).fetchone()
        if row is None:
            raise RecordNotFound
        *record, write_only = row
        if operation.expected is not None and operation.expected != record[1]:
            raise RevisionMismatch(Record._make(record))
        return write_only  # type: ignore[no-any-return]  # the column is text or null

    def _execute(self, sql: str, id: int, row: Row, operation: Add | Replace, *expected: int) -> int:
        """Insert or update a row and return the number of rows changed. Raises DuplicateValue."""
        try:
            return self._connection.execute(sql, (*row, self._revision, id, *expected)).rowcount
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode not in _UNIQUE:
                raise
            by_key = error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE
            raise DuplicateValue((by_key and operation.collection.unique) or "id") from None
