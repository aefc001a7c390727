"""The store's promise: what every back end keeps, and the values that go in and out.

Records are JSON objects under whole-number ids, kept by collection. They go in and come out by value. Every write is
one transaction, and once `write` has returned, it is kept (as durably as the back end promises).
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import orjson

Kind = Literal["number", "text", "boolean", "numbers", "texts"]
Scalar = str | int | float | bool


class Field(NamedTuple):
    """A member of a collection's records, and the JSON type of its value (`numbers`, `texts`: a list of such).

    A value of any other type is to a query as if it were missing. The name holds no quotes and no backslash.
    """

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of records.

    unique: the text field that no two records share, compared without regard to case and form (`fold`).
    hidden: fields that are kept apart from the record, so that no read, filter, sort or search can meet them.
    indexed: fields that a durable store keeps an index on.
    """

    name: str
    unique: str | None = None
    hidden: tuple[str, ...] = ()
    indexed: tuple[Field, ...] = ()

    def split(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The open and the hidden fields of `data`."""
        shown = {name: value for name, value in data.items() if name not in self.hidden}
        return shown, {name: data[name] for name in self.hidden if name in data}

    def key(self, data: Mapping[str, Any]) -> str | None:
        """What no two records share, folded; None where the collection has no unique field."""
        return None if self.unique is None else fold(data[self.unique])


class Record(NamedTuple):
    """One record as it was when read.

    revision: larger after each write of the record; no record has the same one twice, not after a restart either.
    body: the JSON object, `id` first, without the hidden fields.
    """

    id: int
    revision: int
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The body as a new dict, `id` included."""
        return orjson.loads(self.body)  # type: ignore[no-any-return]  # every body is an object


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field, against values of the field's kind. Null and a missing field pass `ne` only.

    eq, ne: equals any, none of the values; not of a list. gt, gte, lt, lte: text by code point, numbers by value; one
    value. like: text holds any of the values, both folded; of a list, any element does. has: a list holds any of them.
    """

    field: Field
    test: Literal["eq", "ne", "gt", "gte", "lt", "lte", "like", "has"]
    values: tuple[Scalar, ...]


class Sort(NamedTuple):
    """An order by one field that is no list: null and missing first, false before true, text by code point.

    All is turned round if `descending`.
    """

    field: Field
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which records, in which order, and which part of them.

    where: all must hold. search: this text, folded, is in one of the fields `searched` (text or texts).
    sort: ties are broken by id, ascending. after: only ids above it; not together with `sort`.
    """

    where: tuple[Condition, ...] = ()
    search: str | None = None
    searched: tuple[Field, ...] = ()
    sort: tuple[Sort, ...] = ()
    start: int = 0
    limit: int = 1000
    after: int | None = None


class Page(NamedTuple):
    """The part asked for, and how many records the conditions and the search match in all (whatever `after` says)."""

    records: list[Record]
    total: int


@dataclass(frozen=True, slots=True)
class Add:
    """A new record, under an id above all that the collection ever gave; or under `id`, when a store is filled."""

    collection: Collection
    data: Mapping[str, Any]
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Replace:
    """All fields anew; a hidden field that is left out stays. With `expected`, only that revision is replaced."""

    collection: Collection
    id: int
    data: Mapping[str, Any]
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """With `expected`, only that revision is removed."""

    collection: Collection
    id: int
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    """A key (of a token, a session) that `revoked` knows until `expires`, in epoch seconds. Twice is as once."""

    key: str
    expires: int


Change = Add | Replace | Remove | Revoke


@dataclass(frozen=True, slots=True)
class Once:
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


class Unusable(StoreError):
    """The store cannot be opened as it is: wrong URL, corrupt file, other version, no access. Says why, in a line."""


class Store(ABC):
    """What a back end does. Every method but `open` may raise Unavailable."""

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
        """Make ready for these collections; what an older version left is brought up to date. Raises Unusable."""

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
    async def secrets(self, collection: Collection, id: int) -> dict[str, Any] | None:
        """The hidden fields of a record; None if it is not there."""

    @abstractmethod
    async def find(self, collection: Collection, query: Query) -> Page:
        """The records a query matches."""

    @abstractmethod
    async def write(self, *changes: Change, once: Once | None = None) -> list[Record | None]:
        """Make all the changes in one transaction, in their order, or none of them.

        Answers the new record for each Add and Replace, None for the others. Under a `once` that was used before with
        the same fingerprint nothing is written, and the answer is what it was then, to the byte.
        Raises Missing, Taken, Stale, Reused, Full.
        """

    @abstractmethod
    async def revoked(self, *keys: str) -> bool:
        """Whether any of the keys was revoked and has not expired. Never a stale no: in doubt, Unavailable."""

    @abstractmethod
    async def purge(self, now: int) -> int:
        """Forget the revoked and once keys whose `expires` lies before `now`; how many there were."""

    @abstractmethod
    async def pristine(self) -> bool:
        """Whether nothing was ever written here."""

    @abstractmethod
    async def seed(self, changes: Sequence[Change]) -> bool:
        """Write all the changes in one transaction if the store is pristine; whether it was. Several may try."""

    @abstractmethod
    def scan(self, collection: Collection) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
        """Every record with its hidden fields, by id, at constant memory."""

    @abstractmethod
    async def ping(self) -> None:
        """Return if the store answers reads now."""

    async def add(self, collection: Collection, data: Mapping[str, Any], once: Once | None = None) -> Record:
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


def fold(text: str) -> str:
    """Text as compared without regard to case and form: NFKC, then case folded, then NFKC (Unicode 3.13, D146)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def encode(id: int, shown: Mapping[str, Any]) -> bytes:
    """The body of a record: `id` first, then its open fields."""
    return orjson.dumps({"id": id, **shown})
