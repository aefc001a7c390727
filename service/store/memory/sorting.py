"""Sort rows in memory without blocking the event loop."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import reduce
from operator import neg
from typing import Any

from orjson import loads

from service.store.base import Query, Sort
from service.store.memory.conditions import TYPES, Fields
from service.store.memory.table import Row
from service.store.memory.time_slice import TimeSlice

SortKey = tuple[Any, ...]
Entry = tuple[Any, ...]
"""The sort key of a row, then the row itself. It starts with its id, so no two entries are equal."""

_CHUNK_SIZE = 1024  # rows between two checkpoints
_BUCKET_SIZE = 1024  # entries of a bucket, on average
_COMPLEMENT = bytes(reversed(range(256)))


async def sorted_page(rows: Sequence[Row], query: Query, time_slice: TimeSlice) -> list[Row]:
    """Return the rows that are on the page of a query with `sort`.

    This is a bucket sort. `list.sort` of all rows would block the event loop for too long, so the entries are divided
    into buckets by pivots, which are a random sample of them, and only the buckets that the page overlaps are sorted.
    """
    key = _sort_key(query.sort)
    end = query.start + query.limit
    sample = random.sample(rows, len(rows) // _BUCKET_SIZE)
    pivots = sorted(_entries(sample, key))
    buckets: list[list[Entry]] = [[] for _ in range(len(pivots) + 1)]
    async for chunk in time_slice.chunks(rows, _CHUNK_SIZE):
        for entry in _entries(chunk, key):
            buckets[bisect_right(pivots, entry)].append(entry)
        _discard_after(end, pivots, buckets)
    page: list[Row] = []
    position = 0  # of the bucket's first entry among all entries
    for bucket in buckets:
        size = len(bucket)
        if position < end and position + size > query.start:
            bucket.sort()
            page += [entry[-1] for entry in bucket[max(query.start - position, 0) : end - position]]
        position += size
        bucket.clear()  # bucket by bucket, because freeing all entries at once takes long
        await time_slice.checkpoint()
    return page


def _entries(rows: Sequence[Row], key: Callable[[Fields], SortKey]) -> list[Entry]:
    return [(*key(loads(row[2])), row) for row in rows]


def _discard_after(end: int, pivots: list[Entry], buckets: list[list[Entry]]) -> None:
    """Discard what comes after the first `end` entries, as far as whole buckets do."""
    before_last = sum(map(len, buckets[:-1]))
    while pivots and before_last - len(buckets[-2]) >= end:
        pivots.pop()
        buckets.pop()
        before_last -= len(buckets[-1])
    if before_last >= end:
        buckets[-1].clear()


def _sort_key(sorts: Sequence[Sort]) -> Callable[[Fields], SortKey]:
    """Return the function that computes the sort key of a record from its fields."""
    return reduce(_concatenated, map(_sort_key_part, sorts))


def _concatenated(
    first: Callable[[Fields], SortKey], second: Callable[[Fields], SortKey]
) -> Callable[[Fields], SortKey]:
    return lambda fields: first(fields) + second(fields)


def _sort_key_part(sort: Sort) -> Callable[[Fields], SortKey]:
    """The part of the sort key for one field: whether it has a value, then the value; both inverted if descending."""
    name, types, descending = sort.field.name, TYPES[sort.field.kind], sort.descending
    inverted: Callable[[Any], Any] = _inverted_text if sort.field.kind == "text" else neg

    def part(fields: Fields) -> SortKey:
        value = fields.get(name)
        if type(value) not in types:
            return descending, None
        return not descending, inverted(value) if descending else value

    return part


def _inverted_text(text: str) -> bytes:
    """Return bytes that sort in the opposite order of the text."""
    # UTF-8 sorts by code point, so its complement sorts the other way. The final byte is larger than any that a longer
    # text has in this place, so that the longer text comes first.
    return text.encode().translate(_COMPLEMENT) + b"\xff"
