"""What goes into a store and comes out: collections, records, queries."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

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
    write_only: fields that are stored apart from the record, so that no read, filter, sort or search can meet them.
    indexed: fields that a store keeps an index on; PostgreSQL refuses a text of more than 2,700 bytes there.
    """

    name: str
    unique: str | None = None
    write_only: tuple[str, ...] = ()
    indexed: tuple[Field, ...] = ()

    def split(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The open and the hidden fields of `data`."""
        if not self.write_only:
            return dict(data), {}
        shown = {name: value for name, value in data.items() if name not in self.write_only}
        return shown, {name: data[name] for name in self.write_only if name in data}

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


@dataclass(frozen=True)
class Page:
    """The part asked for, and how many records the conditions and the search match in all (whatever `after` says).

    A store may hand out the same page again, as long as nothing is written.
    """

    records: tuple[Record, ...]
    total: int

    @cached_property
    def body(self) -> bytes:
        """The records as a JSON array."""
        return b"[%b]" % b",".join([record.body for record in self.records])


def fold(text: str) -> str:
    """Text as compared without regard to case and form: NFKC, then case folded, then NFKC (Unicode 3.13, D146)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def encode(id: int, shown: Mapping[str, Any]) -> bytes:
    """The body of a record: `id` first, then its open fields."""
    return orjson.dumps({"id": id, **shown})
