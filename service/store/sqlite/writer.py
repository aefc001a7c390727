"""The writer of the SQLite store: what is queued is committed in one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from service.store.base import StoreUnavailable
from service.store.sqlite.changes import Job, Transaction
from service.store.sqlite.file import failure, is_busy, patiently
from service.store.sqlite.table import Table

_MOST = 256  # jobs in one transaction


class Writer:
    """The statements run in the event loop's thread, which is quick; the commit, which waits for the disk, in another.

    A thread that ran the statements too would wait for the interpreter's lock at each of them, and hardly get it from a
    busy loop: some twenty writes a second in place of thousands.
    """

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._queue: list[tuple[Job, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def do(self, job: Job) -> Any:
        """What the job answers, after it was committed."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._queue.append((job, future))
        if self._task is None:
            self._task = loop.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Finish what is queued, and let go of the connection."""
        self._closed = True
        if self._task is not None:
            await asyncio.wait([self._task])
        async with self._turn:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()

    async def _work(self) -> None:
        while self._queue:
            taken, self._queue = self._queue[:_MOST], self._queue[_MOST:]
            answers = await self._commit([job for job, _ in taken])
            for (_, future), answer in zip(taken, answers, strict=True):
                if future.done():  # whoever waited has been cancelled
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        self._task = None

    async def alone(self, job: Callable[[Transaction], Awaitable[Any]]) -> Any:
        """What a job answers that has a transaction for itself, however long it takes; committed."""
        async with self._turn:
            try:
                transaction = await self._begun()
                answer = await job(transaction)
                await self._end(transaction)
            except BaseException as error:  # what the job raises is the caller's
                self._roll_back()
                if isinstance(error, sqlite3.Error):
                    raise failure(error) from error
                raise
            return answer

    async def _commit(self, jobs: Sequence[Job]) -> list[Any]:
        """What each job answers, or the exception that it gets."""
        async with self._turn:
            try:
                transaction = await self._begun()
                answers = [transaction.attempt(job) for job in jobs]
                await self._end(transaction)
            except Exception as error:  # whatever it is, nobody is left waiting
                self._roll_back()
                return [failure(error) for _ in jobs]
            return answers

    async def _begun(self) -> Transaction:
        await self._begin()
        return Transaction(self._connection, self._tables)

    async def _end(self, transaction: Transaction) -> None:
        transaction.finish()
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.execute, "COMMIT")
        except sqlite3.Error as error:
            raise failure(error, committing=True) from error

    async def _begin(self) -> None:
        begin = "BEGIN IMMEDIATE"
        try:
            self._connection.execute(begin)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, patiently, self._connection, begin)

    def _roll_back(self) -> None:
        # After some errors, a full disk among them, SQLite has done so itself.
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
