"""The operations that a store can write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from service.store.values import Collection


class Add(NamedTuple):
    """Add a record. Its id is `id` or else larger than every id that the collection ever had."""

    collection: Collection
    data: Mapping[str, Any]
    id: int | None = None


class Replace(NamedTuple):
    """Replace all fields of a record; write-only fields that `data` omits are left as they are.

    expected: the revision that the record must have, if any.
    """

    collection: Collection
    id: int
    data: Mapping[str, Any]
    expected: int | None = None


class Remove(NamedTuple):
    """Remove a record.

    expected: the revision that the record must have, if any.
    """

    collection: Collection
    id: int
    expected: int | None = None


class Revoke(NamedTuple):
    """Revoke a key, such as the id of a token, until `expires` (epoch seconds); the latest `expires` counts."""

    key: str
    expires: int


Operation = Add | Replace | Remove | Revoke


class IdempotencyKey(NamedTuple):
    """Makes a write take effect at most once until `expires`; `fingerprint` identifies the content of the request."""

    key: str
    fingerprint: str
    expires: int
