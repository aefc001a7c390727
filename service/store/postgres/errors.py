"""Errors of PostgreSQL and of its driver as exceptions of the store's contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from service.store.base import StorageFull, StoreError, StoreUnavailable, ValueTooLong

DRIVER_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""All that connecting and executing statements can raise."""

# InterfaceErrors that are caused by the arguments of a call, and not by the connection.
_USAGE_ERRORS = (asyncpg.DataError, asyncpg.exceptions.ClientConfigurationError)
_CONFLICTS = ("40001", "40P01")  # serialization failure, deadlock
_TIMEOUTS = ("57014", "55P03")  # statement timeout, lock timeout
_DISK_FULL = "53100"
_PROGRAM_LIMIT_EXCEEDED = "54000"  # an index row of more than 2,704 bytes after compression
_READ_ONLY_TRANSACTION = "25006"
# Prefixes: connection, authorization, no such database, insufficient resources, operator intervention, system error,
# idle in transaction for too long.
_CONNECTION_LOST = ("08", "28", "3D", "53", "57", "58", "25P03")

T = TypeVar("T")


class ConnectionLost(StoreUnavailable):
    """The connection is closed or unusable; other connections to the same server may be, too."""


class TransactionConflict(StoreUnavailable):
    """The transaction was rolled back because of a conflict with another one; it can be retried at once."""


@dataclass(eq=False)
class SourceError(Exception):
    """Wraps an exception of the caller's iterator, so that `translate_errors` does not take it for the driver's."""

    raised: Exception


async def wrap_source_errors(source: AsyncIterator[T]) -> AsyncIterator[T]:
    """Iterate over the source, and raise its exceptions as SourceError."""
    try:
        async for item in source:
            yield item
    except Exception as error:
        raise SourceError(error) from error


@contextmanager
def translate_errors(*, committing: bool = False) -> Iterator[None]:
    """Raise exceptions of the store's contract for those of PostgreSQL and asyncpg.

    committing: the block commits, so after a lost connection the outcome is unknown.
    """
    try:
        yield
    except DRIVER_ERRORS as error:
        translated = _translated(error, committing)
        if translated is None:
            raise
        raise translated from error


def _translated(error: Exception, committing: bool) -> StoreError | None:
    if isinstance(error, _USAGE_ERRORS):
        return None
    if not isinstance(error, asyncpg.PostgresError):
        return ConnectionLost("The connection to the database was lost.", unknown=committing)
    state = error.sqlstate or ""
    if state in _CONFLICTS:
        return TransactionConflict("The transaction conflicted with another one.")
    if state in _TIMEOUTS:
        return StoreUnavailable("The statement timed out.")
    if state == _DISK_FULL:
        return StorageFull()
    if state == _PROGRAM_LIMIT_EXCEEDED:
        return ValueTooLong()
    if state == _READ_ONLY_TRANSACTION:
        return ConnectionLost("The database is read-only.")
    if state.startswith(_CONNECTION_LOST):
        unknown = committing and state.startswith(("08", "57"))
        return ConnectionLost("The database is not available.", unknown=unknown)
    return None
