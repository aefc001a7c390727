"""What a store is asked to write, and what it answers where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from service.store.values import Collection, Record


class Add(NamedTuple):
    """A new record, under an id above all that the collection ever gave; or under `id`, when a store is filled."""

    collection: Collection
    data: Mapping[str, Any]
    id: int | None = None


class Replace(NamedTuple):
    """All fields anew; a hidden field that is left out stays. With `expected`, only that revision is replaced."""

    collection: Collection
    id: int
    data: Mapping[str, Any]
    expected: int | None = None


class Remove(NamedTuple):
    """With `expected`, only that revision is removed."""

    collection: Collection
    id: int
    expected: int | None = None


class Revoke(NamedTuple):
    """A key (of a token, a session) that `revoked` knows until `expires`, in epoch seconds. Twice is as once."""

    key: str
    expires: int


Change = Add | Replace | Remove | Revoke


class Once(NamedTuple):
    """Makes a write happen at most once under this key until `expires`; `fingerprint` says what was asked."""

    key: str
    fingerprint: str
    expires: int


class StoreError(Exception):
    """What a store refuses or cannot do. Nothing of the write that raised it is kept (but see Unavailable)."""


class Missing(StoreError):
    """The record to replace or remove is not there."""


@dataclass(eq=False)
class Taken(StoreError):
    """Another record has this value of the unique field."""

    field: str


@dataclass(eq=False)
class Stale(StoreError):
    """The record is not at the revision expected; `current` is what it is now."""

    current: Record


class Reused(StoreError):
    """A `Once` key came again with another fingerprint."""


@dataclass(eq=False)
class Unavailable(StoreError):
    """The store cannot be reached, is locked or is overloaded; try again in `retry_after` seconds.

    unknown: the connection was lost while committing, so the write may have been kept.
    """

    reason: str
    retry_after: int = 1
    unknown: bool = False


class Full(StoreError):
    """There is no room to write."""


class TooLong(StoreError):
    """A value of an indexed field is longer than an index of this store can hold."""


class Unusable(StoreError):
    """The store cannot be opened as it is: wrong URL, corrupt file, other version, no access. Says why, in a line."""
