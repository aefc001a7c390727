"""Replaces the standard library's sqlite3 with apsw, so that the unchanged store runs on a recorded disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import apsw

from tests.faults.disk import NAME


@contextmanager
def recorded() -> Iterator[None]:
    """Open all connections of the block on the recorded disk."""
    with patch("sqlite3.connect", Connection):
        yield


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raised = sqlite3.OperationalError(str(error))
        raised.sqlite_errorcode = getattr(error, "extendedresult", 0)
        raise raised from error


class Connection:
    """The part of sqlite3.Connection that the store uses, with isolation_level=None."""

    def __init__(self, path: Any, timeout: float = 0, **_: Any) -> None:
        self.text_factory: type = str
        with _errors():
            self._connection = apsw.Connection(str(path), vfs=NAME)
            self._connection.set_busy_timeout(int(timeout * 1000))

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        with _errors():
            cursor = self._connection.execute(sql, tuple(values))
            return Cursor(cursor, self._connection.changes(), self.text_factory)

    def interrupt(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        with _errors():
            self._connection.close()


class Cursor:
    """The part of sqlite3.Cursor that the store uses."""

    def __init__(self, cursor: apsw.Cursor, rowcount: int, text_factory: type) -> None:
        self._cursor = cursor
        self._bytes = text_factory is bytes
        self.rowcount = rowcount

    def fetchone(self) -> tuple[Any, ...] | None:
        with _errors():
            row = self._cursor.fetchone()
        return None if row is None else self._row(row)

    def fetchall(self) -> list[tuple[Any, ...]]:
        with _errors():
            return [self._row(row) for row in self._cursor.fetchall()]

    def _row(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(value.encode() if self._bytes and isinstance(value, str) else value for value in row)
