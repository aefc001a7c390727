"""The write connection to the SQLite file, with group commit: queued jobs share one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from service.store.base import StoreUnavailable
from service.store.sqlite.connection import execute_with_retry, is_busy, to_store_error
from service.store.sqlite.table import Table
from service.store.sqlite.transaction import Job, Transaction

_MAX_JOBS = 256  # in one transaction


class Writer:
    """Runs statements in the event loop's thread and commits, which wait for the disk, in another thread.

    Statements in another thread would each have to acquire the GIL from a busy event loop, which limits throughput to
    about twenty writes per second instead of thousands.
    """

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._queue: list[tuple[Job, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    async def run(self, job: Job) -> Any:
        """Run a job in a transaction that it may share with others, and return its result after the commit."""
        if self._closed:
            raise StoreUnavailable("The store is not open.")
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._queue.append((job, future))
        if self._task is None:
            self._task = loop.create_task(self._process_queue())
        return await future

    async def run_exclusively(self, job: Callable[[Transaction], Awaitable[Any]]) -> Any:
        """Run a job of any duration in a transaction of its own, and return its result after the commit."""
        async with self._lock:
            try:
                transaction = await self._begin()
                result = await job(transaction)
                await self._commit(transaction)
            except BaseException as error:  # the job may raise anything
                self._roll_back()
                if isinstance(error, sqlite3.Error):
                    raise to_store_error(error) from error
                raise
            return result

    async def close(self) -> None:
        """Run the queued jobs, then close the connection."""
        self._closed = True
        if self._task is not None:
            await asyncio.wait([self._task])
        async with self._lock:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()

    async def _process_queue(self) -> None:
        while self._queue:
            batch, self._queue = self._queue[:_MAX_JOBS], self._queue[_MAX_JOBS:]
            results = await self._run_all([job for job, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():  # the caller was cancelled
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._task = None

    async def _run_all(self, jobs: Sequence[Job]) -> list[Any]:
        """Run the jobs in one transaction and return, for each, its result or its exception."""
        async with self._lock:
            try:
                transaction = await self._begin()
                results = [transaction.run(job) for job in jobs]
                await self._commit(transaction)
            except Exception as error:  # of any kind: every caller must get a result or an exception
                self._roll_back()
                return [to_store_error(error) for _ in jobs]
            return results

    async def _begin(self) -> Transaction:
        begin = "BEGIN IMMEDIATE"
        try:
            self._connection.execute(begin)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, execute_with_retry, self._connection, begin)
        return Transaction(self._connection, self._tables)

    async def _commit(self, transaction: Transaction) -> None:
        transaction.save_counters()
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.execute, "COMMIT")
        except sqlite3.Error as error:
            raise to_store_error(error, committing=True) from error

    def _roll_back(self) -> None:
        # Some errors, such as a full disk, make SQLite roll back by itself.
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
