"""What a store raises."""

from __future__ import annotations

from dataclasses import dataclass

from service.store.values import Record


class StoreError(Exception):
    """What a store refuses or cannot do. Nothing of the write that raised it is kept (but see StoreUnavailable)."""


class RecordNotFound(StoreError):
    """The record to replace or remove is not there."""


@dataclass(eq=False)
class DuplicateValue(StoreError):
    """Another record has this value of the unique field."""

    field: str


@dataclass(eq=False)
class RevisionMismatch(StoreError):
    """The record is not at the revision expected; `current` is what it is now."""

    current: Record


class IdempotencyKeyReused(StoreError):
    """A `Once` key came again with another fingerprint."""


@dataclass(eq=False)
class StoreUnavailable(StoreError):
    """The store cannot be reached, is locked or is overloaded; try again in `retry_after` seconds.

    unknown: the connection was lost while committing, so the write may have been kept.
    """

    reason: str
    retry_after: int = 1
    unknown: bool = False


class StorageFull(StoreError):
    """There is no room to write."""


class ValueTooLong(StoreError):
    """A value of an indexed field is longer than an index of this store can hold."""


class StoreUnusable(StoreError):
    """The store cannot be opened as it is: wrong URL, corrupt file, other version, no access. Says why, in a line."""
