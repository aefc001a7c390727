"""Read connections to the SQLite file: short reads run in the event loop's thread, long reads in other threads."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from service.store.base import Page, Record
from service.store.sqlite.connection import LOCK_TIMEOUT_SECONDS, is_busy, to_store_error

_THREADS = 2
_MAX_CACHE_BYTES = 16 * 1024 * 1024  # approximately
_MIN_ENTRY_BYTES = 512  # of a cache entry

T = TypeVar("T")
Read = Callable[[sqlite3.Connection], T]


class Reader:
    """Read-only connections: one for inline reads, which never waits for a lock, and one for each thread.

    Inline reads share one transaction per iteration of the event loop, because beginning and ending a transaction costs
    more than most reads. The shared snapshot is never outdated for its readers: the event loop delivers a new request,
    or the completion of a commit, in a later iteration only, and by then the transaction has ended.

    Results of inline reads are cached until the file changes, whichever process changes it.
    """

    def __init__(self, connect: Callable[[float], sqlite3.Connection]) -> None:
        self._inline_connection = connect(0)
        self._thread_connections = [connect(LOCK_TIMEOUT_SECONDS) for _ in range(_THREADS)]
        self._connections = (self._inline_connection, *self._thread_connections)
        for connection in self._connections:
            connection.execute("PRAGMA query_only = ON")
        self._threads = ThreadPoolExecutor(_THREADS, "sqlite-reader")
        self._cache: dict[Hashable, Any] = {}
        self._cache_bytes = 0
        self._data_version = -1
        self._in_transaction = False

    async def read_inline(self, cache_key: Hashable, read: Read[T]) -> T:
        """Return the result of a short read, from the cache if possible; with None as the key it is not cached."""
        try:
            if not self._in_transaction:
                self._begin()
            if cache_key in self._cache:
                result: T = self._cache[cache_key]
                return result
            result = read(self._inline_connection)
        except sqlite3.Error as error:
            if not is_busy(error):
                raise to_store_error(error) from error
            return await self.read_in_thread(read)
        if cache_key is not None:
            self._add_to_cache(cache_key, result)
        return result

    async def read_in_thread(self, read: Read[T]) -> T:
        """Return the result of a read of any length, which runs in another thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, read)
        except (sqlite3.Error, RuntimeError) as error:  # RuntimeError: the thread pool is shut down
            raise to_store_error(error) from error

    def close(self) -> None:
        """Interrupt the reads in progress and close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for connection in self._connections:
            connection.interrupt()
        self._threads.shutdown()
        self._commit()
        for connection in self._connections:
            connection.close()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._inline_connection.execute("BEGIN")
        try:
            (version,) = self._inline_connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            self._inline_connection.execute("ROLLBACK")
            raise
        if version != self._data_version:
            self._clear_cache()
            self._data_version = version
        loop.call_soon(self._commit)
        self._in_transaction = True

    def _commit(self) -> None:
        if self._in_transaction:
            self._in_transaction = False
            if self._inline_connection.in_transaction:  # some errors end the transaction
                self._inline_connection.execute("COMMIT")

    def _add_to_cache(self, key: Hashable, result: Any) -> None:
        records = result.records if isinstance(result, Page) else [result] if isinstance(result, Record) else []
        # Twice, because a page caches its own body too.
        self._cache_bytes += _MIN_ENTRY_BYTES + 2 * sum(len(record.body) for record in records)
        if self._cache_bytes > _MAX_CACHE_BYTES:
            self._clear_cache()
        self._cache[key] = result

    def _clear_cache(self) -> None:
        self._cache.clear()
        self._cache_bytes = 0

    def _read(self, read: Read[T]) -> T:
        connection = self._thread_connections.pop()
        try:
            return read(connection)
        finally:
            self._thread_connections.append(connection)
