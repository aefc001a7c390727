"""Queries over rows in memory. What takes long gives way to the event loop every few milliseconds."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import neg
from typing import Any

from orjson import loads

from service.store.base import Page, Query, Sort
from service.store.memory.conditions import TYPES, Shown, Test, test
from service.store.memory.table import Row, Table, record

Entry = tuple[Any, ...]
Key = Callable[[Shown], Entry]

_LOOK = 128  # rows that are tested between two looks at the clock
_RUN = 1024  # rows that are sorted between two
_STRIDE = 32  # how many entries of a sorted run one mark stands for
_TURN = 0.005  # seconds of work before others may have theirs
_COMPLEMENT = bytes(reversed(range(256)))


async def page(shelf: Table, query: Query) -> Page:
    """The page of the rows as they are now, whatever is written while others have their turn."""
    end = query.start + query.limit
    if not query.where and query.search is None and not query.sort:
        if shelf.page is None or shelf.page[0] is not query:
            start = 0 if query.after is None else shelf.place(query.after + 1)
            shelf.page = query, _page(shelf.ordered[start + query.start : start + end], len(shelf.ordered))
        return shelf.page[1]
    ids, rest = _found(shelf, query)
    if ids is not None and not rest.where and query.search is None and not query.sort:
        start = 0 if query.after is None else bisect_right(ids, query.after)
        return _page([shelf.rows[id] for id in ids[start + query.start : start + end]], len(ids))
    turns = _Turns()
    rows = shelf.ordered.copy() if ids is None else [shelf.rows[id] for id in ids]
    rows = await _matching(rows, test(rest), turns)
    total = len(rows)
    if query.sort:
        return _page(await _sorted(rows, query, turns), total)
    start = 0 if query.after is None else bisect_left(rows, (query.after + 1,))
    return _page(rows[start + query.start : start + end], total)


def _found(shelf: Table, query: Query) -> tuple[Sequence[int] | None, Query]:
    """The ids, in order, that one condition finds without a look at every row, and what is left to be tested."""
    indexes = {index.field: index for index in shelf.indexes}
    for place, condition in enumerate(query.where):
        if condition.test != "eq":
            continue
        if condition.field.name == "id":
            return sorted({int(value) for value in condition.values} & shelf.rows.keys()), query
        if (index := indexes.get(condition.field)) is not None:
            rest = query.where[:place] + query.where[place + 1 :]
            return index.ids(condition.values), replace(query, where=rest)
    return None, query


def _page(rows: list[Row], total: int) -> Page:
    return Page(tuple([record(row) for row in rows]), total)


class _Turns:
    """Work in turns: `over` lets the others run if this turn has lasted long enough."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def over(self) -> None:
        if time.perf_counter() - self._began > _TURN:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


async def _matching(rows: list[Row], passes: Test | None, turns: _Turns) -> list[Row]:
    if passes is None:
        return rows
    matching: list[Row] = []
    for chunk in _chunks(rows, _LOOK):
        matching += [row for row in chunk if passes(loads(row[2]))]
        await turns.over()
    return matching


async def _sorted(rows: list[Row], query: Query, turns: _Turns) -> list[Row]:
    """The rows of the page: sorted by chunks, of which only what may come before the end of the page is kept."""
    end = query.start + query.limit
    key = reduce(_then, [_part(each) for each in query.sort])
    runs: list[list[Entry]] = []
    bound: Entry | None = None  # what comes after it is not on the page
    for chunk in _chunks(rows, _RUN):
        run = [(*key(loads(row[2])), row) for row in chunk]
        if bound is not None:
            run = [entry for entry in run if entry < bound]
        run.sort()
        if 0 < end <= len(run):
            bound = run[end - 1]
        runs.append(run[:end])
        await turns.over()
    found = [entry[-1] for entry in _between(runs, query.start, end)]
    while runs:  # to let go of so many takes its time, too
        runs.pop()
        await turns.over()
    return found


def _between(runs: list[list[Entry]], start: int, end: int) -> list[Entry]:
    """The entries from place `start` to `end` of all the runs together, of which only those near by are merged."""

    def rank(entry: Entry) -> int:
        return sum(bisect_left(run, entry) for run in runs)

    marks = sorted(entry for run in runs for entry in run[::_STRIDE])
    if not marks:
        return []
    low = marks[bisect_right(marks, start, key=rank) - 1]
    above = marks[bisect_left(marks, end, key=rank) :]
    near = sorted(
        entry for run in runs for entry in run[bisect_left(run, low) : bisect_left(run, above[0]) if above else None]
    )
    return near[start - rank(low) : end - rank(low)]


def _chunks(rows: list[Row], size: int) -> Iterator[list[Row]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _backward(text: str) -> bytes:
    # UTF-8 sorts by code point, so its complement sorts the other way; the end is above all that could follow.
    return text.encode().translate(_COMPLEMENT) + b"\xff"


def _then(one: Key, other: Key) -> Key:
    return lambda shown: one(shown) + other(shown)


def _part(sort: Sort) -> Key:
    """What a record is ordered by: whether it has a value, then the value, each turned round if descending."""
    name, types, descending = sort.field.name, TYPES[sort.field.kind], sort.descending
    turned: Callable[[Any], Any] = _backward if sort.field.kind == "text" else neg

    def part(shown: Shown) -> Entry:
        found = shown.get(name)
        if type(found) not in types:
            return descending, None
        return not descending, turned(found) if descending else found

    return part
