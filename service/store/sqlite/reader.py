"""The readers of the SQLite store: short reads in the event loop's thread, long ones in others."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from service.store.base import Page, Record
from service.store.sqlite.file import PATIENCE_SECONDS, failure, is_busy

_THREADS = 2
_MOST = 16 * 1024 * 1024  # bytes of remembered answers, more or less
_EACH = 512  # bytes that the least of them takes

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Reader:
    """Connections that only read: one that never waits for a lock, for the loop's thread, and some for others.

    What is read near is read in one transaction for each turn of the loop, since taking and leaving a lock costs more
    than most reads. Whatever is answered in a turn was asked before it, and so was all that it has to show: a request
    that comes in, or a commit that ends, while a transaction is open is heard of only after its end.

    Answers are remembered as long as the file stays the same, whoever may write it.
    """

    def __init__(self, connect: Callable[[float], sqlite3.Connection]) -> None:
        self._near = connect(0)
        self._far = [connect(PATIENCE_SECONDS) for _ in range(_THREADS)]
        self._all = (self._near, *self._far)
        for connection in self._all:
            connection.execute("PRAGMA query_only = ON")
        self._threads = ThreadPoolExecutor(_THREADS, "sqlite-reader")
        self._answers: dict[Hashable, Any] = {}
        self._size = 0
        self._version = -1
        self._in_turn = False

    async def near(self, question: Hashable, work: Work[T]) -> T:
        """What short work answers; remembered by its question, if it has one."""
        try:
            if not self._in_turn:
                self._begin_turn()
            if question in self._answers:
                answer: T = self._answers[question]
                return answer
            answer = work(self._near)
        except sqlite3.Error as error:
            if not is_busy(error):
                raise failure(error) from error
            return await self.far(work)
        if question is not None:
            self._remember(question, answer)
        return answer

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
        self._end_turn()
        for connection in self._all:
            connection.close()

    def _begin_turn(self) -> None:
        loop = asyncio.get_running_loop()
        self._near.execute("BEGIN")
        try:
            (version,) = self._near.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            self._near.execute("ROLLBACK")
            raise
        if version != self._version:
            self._forget()
            self._version = version
        loop.call_soon(self._end_turn)
        self._in_turn = True

    def _end_turn(self) -> None:
        if self._in_turn:
            self._in_turn = False
            if self._near.in_transaction:  # not after some errors
                self._near.execute("COMMIT")

    def _remember(self, question: Hashable, answer: Any) -> None:
        records = answer.records if isinstance(answer, Page) else [answer] if isinstance(answer, Record) else []
        self._size += _EACH + 2 * sum(len(record.body) for record in records)  # a page may keep its own body, too
        if self._size > _MOST:
            self._forget()
        self._answers[question] = answer

    def _forget(self) -> None:
        self._answers.clear()
        self._size = 0

    def _with_connection(self, work: Work[T]) -> T:
        connection = self._far.pop()
        try:
            return work(connection)
        finally:
            self._far.append(connection)
