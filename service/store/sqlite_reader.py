"""The readers of the SQLite store: short reads in the event loop's thread, long ones in others."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from service.store.sqlite_file import PATIENCE_SECONDS, failure, is_busy

_THREADS = 2

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Reader:
    """Connections that only read: one that never waits for a lock, for the loop's thread, and some for others."""

    def __init__(self, connect: Callable[[float], sqlite3.Connection]) -> None:
        self._near = connect(0)
        self._far = [connect(PATIENCE_SECONDS) for _ in range(_THREADS)]
        self._all = (self._near, *self._far)
        for connection in self._all:
            connection.execute("PRAGMA query_only = ON")
        self._threads = ThreadPoolExecutor(_THREADS, "sqlite-reader")

    async def one(self, sql: str, *values: Any) -> Any:
        """The first row, or None."""
        try:
            return self._near.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            if not is_busy(error):
                raise failure(error) from error
        return await self.far(lambda connection: connection.execute(sql, values).fetchone())

    async def near(self, work: Work[T]) -> T:
        """What short work answers."""
        try:
            return work(self._near)
        except sqlite3.Error as error:
            if not is_busy(error):
                raise failure(error) from error
        return await self.far(work)

    async def far(self, work: Work[T]) -> T:
        """What work of any length answers, done in another thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._with_connection, work)
        except (sqlite3.Error, RuntimeError) as error:  # RuntimeError: closed meanwhile
            raise failure(error) from error

    def close(self) -> None:
        """Break off what is being read, and let go of the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for connection in self._all:
            connection.interrupt()
        self._threads.shutdown()
        for connection in self._all:
            connection.close()

    def _with_connection(self, work: Work[T]) -> T:
        connection = self._far.pop()
        try:
            return work(connection)
        finally:
            self._far.append(connection)
