"""Find the page of a query among the rows of a table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from orjson import loads

from service.store.base import Page, Query
from service.store.memory.conditions import predicate
from service.store.memory.sorting import sorted_page
from service.store.memory.table import Row, Table, to_record
from service.store.memory.time_slice import TimeSlice

_CHUNK_SIZE = 128  # rows between two checkpoints


async def find_page(table: Table, query: Query) -> Page:
    """Return the page that a query selects from the rows as they are at the call.

    Long computations yield to the event loop; what is written meanwhile does not change the page.
    """
    if not query.where and query.search is None and not query.sort:
        return _unfiltered_page(table, query)
    ids, remaining = _indexed_ids(table, query)
    if ids is not None and not remaining.where and query.search is None and not query.sort:
        start = query.start if query.after is None else query.start + bisect_right(ids, query.after)
        return _page([table.rows[id] for id in ids[start : start + query.limit]], len(ids))
    rows: Sequence[Row] = table.sorted_rows.copy() if ids is None else [table.rows[id] for id in ids]
    time_slice = TimeSlice()
    rows = await _matching_rows(rows, remaining, time_slice)
    if query.sort:
        return _page(await sorted_page(rows, query, time_slice), len(rows))
    start = query.start if query.after is None else query.start + bisect_left(rows, (query.after + 1,))
    return _page(rows[start : start + query.limit], len(rows))


def _unfiltered_page(table: Table, query: Query) -> Page:
    if table.cached_page is None or table.cached_page[0] is not query:
        start = query.start if query.after is None else query.start + table.position(query.after + 1)
        page = _page(table.sorted_rows[start : start + query.limit], len(table.sorted_rows))
        table.cached_page = query, page
    return table.cached_page[1]


def _indexed_ids(table: Table, query: Query) -> tuple[Sequence[int] | None, Query]:
    """Return the sorted ids that satisfy one condition of the query, from an index, and the query without it.

    Without a condition that an index serves, return None and the query.
    """
    indexes = {index.field: index for index in table.indexes}
    for place, condition in enumerate(query.where):
        if condition.test != "eq":
            continue
        remaining = replace(query, where=query.where[:place] + query.where[place + 1 :])
        if condition.field.name == "id":
            return sorted(table.rows.keys() & set(condition.values)), remaining
        if (index := indexes.get(condition.field)) is not None:
            return index.ids_of(condition.values), remaining
    return None, query


async def _matching_rows(rows: Sequence[Row], query: Query, time_slice: TimeSlice) -> Sequence[Row]:
    matches = predicate(query)
    if matches is None:
        return rows
    matching: list[Row] = []
    async for chunk in time_slice.chunks(rows, _CHUNK_SIZE):
        matching += [row for row in chunk if matches(loads(row[2]))]
    return matching


def _page(rows: Sequence[Row], total: int) -> Page:
    return Page(tuple([to_record(row) for row in rows]), total)
