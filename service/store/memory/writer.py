"""Apply operations to the tables in memory, all or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from service.store.base import (
    Add,
    DuplicateValue,
    Operation,
    Record,
    RecordNotFound,
    Remove,
    Replace,
    RevisionMismatch,
    Revoke,
    encode,
)
from service.store.memory.table import Row, Table, to_record

Undo = tuple[Callable[..., None], tuple[Any, ...]]
"""A function that undoes an operation, and its arguments."""


class Writer:
    """Writes to the tables and the revoked keys of a store.

    A write is a transaction without a lock, because it does not yield to the event loop.
    """

    def __init__(self, tables: Mapping[str, Table], revoked: dict[str, int]) -> None:
        self._tables = tables
        self._revoked = revoked
        # Starts at the clock, so that an ETag from before a restart matches no record written after it.
        self._revision = time.time_ns() // 1000

    def apply(self, operations: Sequence[Operation]) -> list[Record | None]:
        """Apply all operations, as `Store.write` does. If one fails, undo those before it and raise its exception."""
        undo: list[Undo] = []
        try:
            return [self._apply(operation, undo) for operation in operations]
        except BaseException:
            for function, arguments in reversed(undo):
                function(*arguments)
            raise

    def _apply(self, operation: Operation, undo: list[Undo]) -> Record | None:
        if isinstance(operation, Revoke):
            self._revoke(operation, undo)
            return None
        table = self._tables[operation.collection.name]
        id = (operation.id or table.last_id + 1) if isinstance(operation, Add) else operation.id
        old = table.rows.get(id)
        if not isinstance(operation, Add):
            _check_revision(old, operation.expected)
        undo.append((table.restore, (id, old, table.last_id)))
        if isinstance(operation, Remove):
            table.delete(id)
            return None
        row = self._new_row(table, operation, id, old)
        table.save(row)
        return to_record(row)

    def _revoke(self, operation: Revoke, undo: list[Undo]) -> None:
        key, expires = operation
        old_expires = self._revoked.get(key)
        undo.append((self._restore_revoked, (key, old_expires)))
        self._revoked[key] = max(expires, old_expires or 0)

    def _restore_revoked(self, key: str, expires: int | None) -> None:
        if expires is None:
            del self._revoked[key]
        else:
            self._revoked[key] = expires

    def _new_row(self, table: Table, operation: Add | Replace, id: int, old: Row | None) -> Row:
        """Return the row that an Add or Replace saves. Raises DuplicateValue."""
        collection = operation.collection
        key = collection.unique_key(operation.data)
        if isinstance(operation, Add) and old is not None:
            raise DuplicateValue("id")
        if key is not None and table.ids.get(key, id) != id:
            raise DuplicateValue(collection.unique or "")
        readable, write_only = collection.split(operation.data)
        if old is not None and write_only:
            write_only = orjson.loads(old[3]) | write_only
        stored = old[3] if old is not None and not write_only else _compact(orjson.dumps(write_only))
        self._revision += 1
        values = tuple([index.value(readable) for index in table.indexes])
        return id, self._revision, _compact(encode(id, readable)), stored, key, values


def _compact(content: bytes) -> bytes:
    # orjson returns bytes objects whose memory blocks are larger than their content.
    return bytes(memoryview(content))


def _check_revision(row: Row | None, expected: int | None) -> None:
    if row is None:
        raise RecordNotFound
    if expected is not None and row[1] != expected:
        raise RevisionMismatch(to_record(row))
