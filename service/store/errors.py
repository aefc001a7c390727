"""The exceptions of a store."""

from __future__ import annotations

from dataclasses import dataclass

from service.store.values import Record


class StoreError(Exception):
    """Base class. Nothing was written by the call that raised it, except as StoreUnavailable describes."""


class RecordNotFound(StoreError):
    """The record to replace or remove does not exist."""


@dataclass(eq=False)
class DuplicateValue(StoreError):
    """Another record has the same value in this unique field, or the same id."""

    field: str


@dataclass(eq=False)
class RevisionMismatch(StoreError):
    """The record does not have the expected revision; `current` is the record as it is now."""

    current: Record


class IdempotencyKeyReused(StoreError):
    """The idempotency key was used before with another fingerprint."""


@dataclass(eq=False)
class StoreUnavailable(StoreError):
    """The store cannot be reached, is locked, overloaded or closed; try again after `retry_after` seconds.

    unknown: the connection was lost during the commit, so the write may or may not have been committed.
    """

    reason: str
    retry_after: int = 1
    unknown: bool = False


class StorageFull(StoreError):
    """There is no space left to write."""


class ValueTooLong(StoreError):
    """The value of an indexed field is longer than an index of this store allows."""


class StoreUnusable(StoreError):
    """The store cannot be opened: invalid URL, damaged file, newer format, access denied. The message is one line."""
