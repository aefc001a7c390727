"""What a store can be asked to write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from service.store.values import Collection


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


Operation = Add | Replace | Remove | Revoke


class IdempotencyKey(NamedTuple):
    """Makes a write happen at most once under this key until `expires`; `fingerprint` says what was asked."""

    key: str
    fingerprint: str
    expires: int
