"""The values that are passed to a store and returned by it: collections, records, queries, pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import orjson

Kind = Literal["number", "text", "boolean", "numbers", "texts"]
Scalar = str | int | float | bool

MAX_COMBINING = 30
GRAPHEME_JOINER = "\u034f"


class Field(NamedTuple):
    """A field of a collection's records and the JSON type of its value; `numbers` and `texts` are lists.

    A query treats a value of any other type as missing. The name contains no quotes and no backslash.
    """

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of records.

    unique: the text field whose value no two records share; values are compared after folding (`fold`).
    write_only: fields that are stored apart from the record; they are never returned, filtered, sorted or searched by.
    indexed: fields that the store has an index on; PostgreSQL rejects a text of more than about 2,700 bytes there.
    """

    name: str
    unique: str | None = None
    write_only: tuple[str, ...] = ()
    indexed: tuple[Field, ...] = ()

    def split(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the readable fields and the write-only fields of `data`."""
        if not self.write_only:
            return dict(data), {}
        readable = {name: value for name, value in data.items() if name not in self.write_only}
        return readable, {name: data[name] for name in self.write_only if name in data}

    def unique_key(self, data: Mapping[str, Any]) -> str | None:
        """Return the folded value of the unique field, or None if the collection has no unique field."""
        return None if self.unique is None else fold(data[self.unique])


class Record(NamedTuple):
    """A record as of the moment it was read.

    revision: increases with each write of the record and is never reused by any record, not even after a restart.
    body: the JSON object, with `id` first and without the write-only fields.
    """

    id: int
    revision: int
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The body as a new dict, including `id`."""
        return orjson.loads(self.body)  # type: ignore[no-any-return]  # a body is always an object


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one field against values of the field's kind. A null or missing field satisfies only `ne`.

    eq, ne: the field equals any, or none, of the values; not for lists.
    gt, gte, lt, lte: the field compares to the single value, text by code point; not for lists.
    like: the text, or an element of the list, contains any of the values, both folded.
    has: the list contains any of the values.
    """

    field: Field
    test: Literal["eq", "ne", "gt", "gte", "lt", "lte", "like", "has"]
    values: tuple[Scalar, ...]


class Sort(NamedTuple):
    """A sort by one field that is not a list: null and missing first, false before true, text by code point.

    descending: reverse this order, so that null and missing come last.
    """

    field: Field
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Selects records, their order, and the part of them that makes up the page.

    where: conditions that must all be satisfied.
    search: a text that one of the fields `searched` (text or texts) must contain, both folded.
    sort: the sorts to apply; ties are broken by ascending id.
    start, limit: the offset of the page's first record, and the maximum number of records on the page.
    after: only records with larger ids are on the page; not together with `sort`.
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
    """The selected records, and the total number of records that match the conditions and the search.

    The total does not depend on `start`, `limit` and `after`. A store may return the same object for repeated queries.
    """

    records: tuple[Record, ...]
    total: int

    @cached_property
    def body(self) -> bytes:
        """The records as a JSON array."""
        return b"[%b]" % b",".join([record.body for record in self.records])


def fold(text: str) -> str:
    """Return text as it is compared, without regard to case and compatibility form (Unicode 3.13, D146).

    NFKC, case folding, NFKC. Linear in the length, because the text is made stream-safe before (UAX #15, 13).
    """
    if text.isascii():
        return text.casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _stream_safe(text)).casefold())


def _stream_safe(text: str) -> str:
    """Return text with a grapheme joiner after each 30 combining marks: to order n marks takes n squared steps."""
    if len(text) <= MAX_COMBINING:
        return text
    parts: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MAX_COMBINING:
            parts.append(GRAPHEME_JOINER)
            marks = 1
        parts.append(character)
    return "".join(parts)


def encode(id: int, fields: Mapping[str, Any]) -> bytes:
    """Return the body of a record: `id` first, then its readable fields."""
    return orjson.dumps({"id": id, **fields})
