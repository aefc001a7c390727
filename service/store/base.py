"""The store's promise: what every back end keeps, and the values that go in and out.

Records are JSON objects under whole-number ids, kept by collection. They go in and come out by value. Every write is
one transaction, and once `write` has returned, it is kept (as durably as the back end promises).
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
    """What a back end does. Every method but `open` may raise StoreUnavailable."""

    durable: ClassVar[bool]
    """What is written survives the process."""
    shared: ClassVar[bool]
    """Several processes may open it at once."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The URL as it may be shown: without a password."""

    @abstractmethod
    async def open(self, collections: Sequence[Collection]) -> None:
        """Make ready for these collections; what an older version left is brought up to date. Raises StoreUnusable."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes that were begun, and let go of everything. Closing twice is as once."""

    @abstractmethod
    async def get(self, collection: Collection, id: int) -> Record | None:
        """The record under this id, if there is one."""

    @abstractmethod
    async def lookup(self, collection: Collection, value: str) -> Record | None:
        """The record whose unique field equals `value`, compared folded."""

    @abstractmethod
    async def write_only_fields(self, collection: Collection, id: int) -> dict[str, Any] | None:
        """The hidden fields of a record; None if it is not there."""

    @abstractmethod
    async def find(self, collection: Collection, query: Query) -> Page:
        """The records a query matches."""

    @abstractmethod
    async def write(self, *changes: Operation, once: IdempotencyKey | None = None) -> list[Record | None]:
        """Make all the changes in one transaction, in their order, or none of them.

        Answers the new record for each Add and Replace, None for the others. Under a `once` that was used before with
        the same fingerprint nothing is written, and the answer is what it was then, to the byte.
        Raises RecordNotFound, DuplicateValue, RevisionMismatch, IdempotencyKeyReused, StorageFull, ValueTooLong.
        """

    @abstractmethod
    async def replay(self, once: IdempotencyKey) -> list[Record | None] | None:
        """Return what the write under this key returned; None if there was none. Raises IdempotencyKeyReused."""

    @abstractmethod
    async def revoked(self, *keys: str) -> bool:
        """Whether any of the keys was revoked and has not expired. Never a stale no: in doubt, StoreUnavailable."""

    @abstractmethod
    async def purge(self, now: int) -> int:
        """Forget the revoked and once keys whose `expires` lies before `now`; how many there were."""

    @abstractmethod
    async def is_new(self) -> bool:
        """Whether nothing was ever written here."""

    @abstractmethod
    async def fill(self, batches: AsyncIterator[Sequence[Add]]) -> bool:
        """Write all the batches in one transaction, at constant memory, if the store is pristine; whether it was.

        Several may try at once. What the iterator raises is raised here, and nothing is written.
        """

    @abstractmethod
    def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        """Every record with its hidden fields, by id, at constant memory."""

    @abstractmethod
    async def ping(self) -> None:
        """Return if the store answers reads now."""

    async def seed(self, changes: Sequence[Add]) -> bool:
        """`fill` with one batch."""

        async def batches() -> AsyncIterator[Sequence[Add]]:
            yield changes

        return await self.fill(batches())

    async def add(self, collection: Collection, data: Mapping[str, Any], once: IdempotencyKey | None = None) -> Record:
        """`write` of one Add."""
        return _only(await self.write(Add(collection, data), once=once))

    async def replace(
        self, collection: Collection, id: int, data: Mapping[str, Any], expected: int | None = None
    ) -> Record:
        """`write` of one Replace."""
        return _only(await self.write(Replace(collection, id, data, expected)))

    async def remove(self, collection: Collection, id: int, expected: int | None = None) -> None:
        """`write` of one Remove."""
        await self.write(Remove(collection, id, expected))


def _only(records: list[Record | None]) -> Record:
    record = records[0]
    assert record is not None  # noqa: S101  # an Add and a Replace answer their record
    return record
