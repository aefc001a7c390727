"""What can go wrong with PostgreSQL, in the words of the store's promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from service.store.base import StorageFull, StoreError, StoreUnavailable, ValueTooLong

FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""All that connecting and asking may raise."""

_MISTAKES = (asyncpg.DataError, asyncpg.exceptions.ClientConfigurationError)  # ours, although they are InterfaceErrors
_COLLISIONS = ("40001", "40P01")  # serialization failure, deadlock
_TOO_LONG = ("57014", "55P03")  # statement and lock time limits
_DISK_FULL = "53100"
_TOO_LARGE = "54000"  # a row of an index, of more than 2,704 bytes once compressed
_READ_ONLY = "25006"
# Connection; authorization; database gone; out of something; operator; system; transaction idle too long.
_LOSSES = ("08", "28", "3D", "53", "57", "58", "25P03")

T = TypeVar("T")


class Lost(StoreUnavailable):
    """The connection is gone or of no use, and others to the same server may be too."""


class Collided(StoreUnavailable):
    """Two transactions were in each other's way, and this one gave way; it may be tried again at once."""


@dataclass(eq=False)
class Foreign(Exception):
    """Carries what somebody else's code raised past `meaning`, which would take an OSError for PostgreSQL's."""

    raised: Exception


async def foreign(source: AsyncIterator[T]) -> AsyncIterator[T]:
    """What the source gives; what it raises comes as Foreign."""
    try:
        async for each in source:
            yield each
    except Exception as error:
        raise Foreign(error) from error


@contextmanager
def meaning(*, committing: bool = False) -> Iterator[None]:
    """Raise the promise's errors for PostgreSQL's and asyncpg's; `committing`: a loss leaves the outcome unknown."""
    try:
        yield
    except FAILURES as error:
        meant = _meant(error, committing)
        if meant is None:
            raise
        raise meant from error


def _meant(error: Exception, committing: bool) -> StoreError | None:
    if isinstance(error, _MISTAKES):
        return None
    if not isinstance(error, asyncpg.PostgresError):
        return Lost("The connection to the database was lost.", unknown=committing)
    state = error.sqlstate or ""
    if state in _COLLISIONS:
        return Collided("The database had to choose between writes in each other's way.")
    if state in _TOO_LONG:
        return StoreUnavailable("The database took too long.")
    if state == _DISK_FULL:
        return StorageFull()
    if state == _TOO_LARGE:
        return ValueTooLong()
    if state == _READ_ONLY:
        return Lost("The database takes no writes now.")
    if state.startswith(_LOSSES):
        return Lost("The database cannot be reached.", unknown=committing and state.startswith(("08", "57")))
    return None
