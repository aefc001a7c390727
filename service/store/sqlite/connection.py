"""Connections to a SQLite file, and what their errors mean to the caller of the store."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from service.store.base import StorageFull, StoreError, StoreUnavailable

LOCK_TIMEOUT_SECONDS = 2.0
"""How long to wait for a lock that another process holds."""

_DISK_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}


def connect(path: Path, synchronous: str = "FULL", busy_timeout: float = 0) -> sqlite3.Connection:
    """Return a connection without implicit transactions that returns text as bytes; for one thread at a time.

    busy_timeout: the seconds that a statement waits for a lock; opening waits for LOCK_TIMEOUT_SECONDS in any case.
    """
    connection = sqlite3.connect(
        path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.text_factory = bytes
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA fullfsync = ON")  # on macOS, fsync alone does not reach the disk
        connection.execute(f"PRAGMA busy_timeout = {round(busy_timeout * 1000)}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def execute_with_retry(connection: sqlite3.Connection, sql: str) -> sqlite3.Cursor:
    """Execute a statement, and retry for LOCK_TIMEOUT_SECONDS while another process holds the lock.

    Retries at a constant interval: SQLite's own busy timeout waits longer each time, so that newer waiters go first.
    """
    end = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            return connection.execute(sql)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
        time.sleep(0.001)


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether the error is that another connection holds a lock."""
    return primary_code(error) == sqlite3.SQLITE_BUSY


def primary_code(error: Exception) -> int:
    """Return the primary SQLite result code of an error, or 0 if it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def to_store_error(error: Exception, *, committing: bool = False) -> StoreError:
    """Return the exception of the store's contract for an error; committing: it was raised by a COMMIT."""
    if isinstance(error, StoreError):
        return error
    if getattr(error, "sqlite_errorcode", 0) in _DISK_FULL:
        return StorageFull(str(error))
    return StoreUnavailable(f"SQLite: {error}", unknown=committing)
