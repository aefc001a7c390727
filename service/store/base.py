"""The contract of a store, which every back end implements, and the types it uses.

A store holds records, which are JSON objects with integer ids, in collections. Records are passed by value: changing
one that was passed in or returned does not change the stored one. Every write is one transaction; when `write` returns,
the transaction is committed, as durably as the back end is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from service.store.errors import (
    DuplicateValue,
    IdempotencyKeyReused,
    RecordNotFound,
    RevisionMismatch,
    StorageFull,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
    ValueTooLong,
)
from service.store.operations import Add, IdempotencyKey, Operation, Remove, Replace, Revoke
from service.store.values import Collection, Condition, Field, Kind, Page, Query, Record, Scalar, Sort, encode, fold

__all__ = [
    "Add",
    "Collection",
    "Condition",
    "DuplicateValue",
    "Field",
    "IdempotencyKey",
    "IdempotencyKeyReused",
    "Kind",
    "Operation",
    "Page",
    "Query",
    "Record",
    "RecordNotFound",
    "Remove",
    "Replace",
    "RevisionMismatch",
    "Revoke",
    "Scalar",
    "Sort",
    "StorageFull",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoreUnusable",
    "ValueTooLong",
    "encode",
    "fold",
]


class Store(ABC):
    """A back end. Every method except `open` and `close` may raise StoreUnavailable."""

    durable: ClassVar[bool]
    """Whether committed writes survive the process."""
    shared: ClassVar[bool]
    """Whether several processes can open the store at the same time."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The URL of the store without its password, for logs and messages."""

    @abstractmethod
    async def open(self, collections: Sequence[Collection]) -> None:
        """Connect, and create or migrate what these collections need. Raises StoreUnusable."""

    @abstractmethod
    async def close(self) -> None:
        """Complete the writes in progress and release all resources. Idempotent; safe on a store that never opened."""

    @abstractmethod
    async def ping(self) -> None:
        """Return if the store can serve reads now; raise StoreUnavailable if not, or if it is not open."""

    @abstractmethod
    async def get(self, collection: Collection, id: int) -> Record | None:
        """Return the record with this id, or None."""

    @abstractmethod
    async def lookup(self, collection: Collection, value: str) -> Record | None:
        """Return the record whose unique field equals `value` after folding, or None."""

    @abstractmethod
    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        """Return the write-only fields of a record, or None if there is no such record."""

    @abstractmethod
    async def find(self, collection: Collection, query: Query) -> Page:
        """Return the page of records that a query selects; page and total are of the same moment."""

    @abstractmethod
    async def write(self, *operations: Operation, idempotency_key: IdempotencyKey | None = None) -> list[Record | None]:
        """Apply all operations, in order, in one transaction, or none of them.

        Returns the new record for each Add and Replace, None for the other operations. If the idempotency key was used
        before with the same fingerprint, nothing is written and the result of that write is returned, byte for byte.
        Raises RecordNotFound, DuplicateValue, RevisionMismatch, IdempotencyKeyReused, StorageFull, ValueTooLong.
        """

    @abstractmethod
    async def replay(self, idempotency_key: IdempotencyKey) -> list[Record | None] | None:
        """Return what the write with this key returned; None if there was none. Raises IdempotencyKeyReused."""

    @abstractmethod
    async def revoked(self, *keys: str) -> bool:
        """Return whether any of the keys is revoked and has not expired.

        Never returns an outdated False: raises StoreUnavailable if the answer is uncertain.
        """

    @abstractmethod
    async def purge(self, now: int) -> int:
        """Delete the revoked keys and the idempotency keys whose `expires` is before `now`; return their number."""

    @abstractmethod
    async def is_new(self) -> bool:
        """Return whether nothing was ever written to the store."""

    @abstractmethod
    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        """Write all batches in one transaction if the store is new; return whether it was.

        Memory use does not grow with the number of batches in durable stores. Of concurrent calls, one fills the store.
        An exception of the iterator is raised to the caller, and nothing is written.
        """

    @abstractmethod
    def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        """Iterate over all records with their write-only fields, by id; memory use does not grow with their number."""

    async def seed(self, operations: Sequence[Add]) -> bool:
        """Call `fill` with a single batch."""

        async def batches() -> AsyncIterator[Sequence[Add]]:
            yield operations

        return await self.fill(batches())

    async def add(
        self, collection: Collection, data: Mapping[str, Any], idempotency_key: IdempotencyKey | None = None
    ) -> Record:
        """Call `write` with a single Add."""
        return _first(await self.write(Add(collection, data), idempotency_key=idempotency_key))

    async def replace(
        self, collection: Collection, id: int, data: Mapping[str, Any], expected: int | None = None
    ) -> Record:
        """Call `write` with a single Replace."""
        return _first(await self.write(Replace(collection, id, data, expected)))

    async def remove(self, collection: Collection, id: int, expected: int | None = None) -> None:
        """Call `write` with a single Remove."""
        await self.write(Remove(collection, id, expected))


def _first(records: list[Record | None]) -> Record:
    record = records[0]
    assert record is not None  # noqa: S101  # `write` returns a record for an Add and for a Replace
    return record
