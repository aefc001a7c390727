"""Behaviour of the memory store only: it shares the event loop's thread with all other tasks."""

from __future__ import annotations

import asyncio

import pytest

from service.store.base import Add, Condition, Field, Query, Remove, Replace, Revoke, Sort
from service.store.memory import MemoryStore, time_slice
from tests.support.collections import COLLECTIONS, LATER, NUMBER, TEXT, THINGS

COUNT = 20_000
CHUNKS = COUNT // 1024


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.open(COLLECTIONS)
    await store.write(*(Add(THINGS, {"text": f"{number}", "number": -number}) for number in range(COUNT)))
    return store


@pytest.mark.parametrize(
    "query",
    [
        Query((Condition(TEXT, "like", ("5",)),)),
        Query(search="99", searched=(TEXT,)),
        Query(sort=(Sort(TEXT, True),), start=COUNT // 2),
        Query((Condition(NUMBER, "lte", (0,)),), sort=(Sort(NUMBER),), limit=25),
    ],
)
async def test_a_long_query_yields_to_the_event_loop_and_sees_the_state_at_its_start(
    store: MemoryStore, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await store.find(THINGS, query)
    monkeypatch.setattr(time_slice, "SECONDS", 0)
    find = asyncio.create_task(store.find(THINGS, query))
    yields = 0
    while not find.done():
        await asyncio.sleep(0)
        yields += 1
        await store.write(Remove(THINGS, yields), Replace(THINGS, COUNT - yields, {}), Add(THINGS, {"text": "5"}))
    assert yields > CHUNKS
    assert await find == expected


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("start", "limit"), [(0, 25), (5000, 25), (COUNT - 10, 25), (10, 5000), (0, 0), (COUNT, 5)])
async def test_sorted_pages_equal_those_of_a_full_sort(
    store: MemoryStore, start: int, limit: int, descending: bool
) -> None:
    everything = (await store.find(THINGS, Query(limit=COUNT))).records
    expected = sorted(everything, key=lambda record: str(record.data["text"]), reverse=descending)
    page = await store.find(THINGS, Query(sort=(Sort(TEXT, descending),), start=start, limit=limit))
    assert page.records == tuple(expected[start : start + limit])
    assert page.total == COUNT


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (Query(start=COUNT - 5, limit=2), [COUNT - 4, COUNT - 3]),
        (Query((Condition(TEXT, "eq", ("7", "5")),)), [6, 8]),
        (Query((Condition(NUMBER, "eq", (-5,)), Condition(NUMBER, "lt", (0,)))), [6]),
        (Query((Condition(Field("id", "number"), "eq", (6,)),)), [6]),
    ],
)
async def test_a_query_without_conditions_or_with_an_indexed_value_does_not_yield(
    store: MemoryStore, query: Query, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_slice, "SECONDS", 0.001)
    find = store.find(THINGS, query)
    with pytest.raises(StopIteration) as stopped:
        find.send(None)
    assert [record.id for record in stopped.value.value.records] == ids


async def test_an_index_contains_no_values_of_removed_or_replaced_records(store: MemoryStore) -> None:
    await store.write(*(Remove(THINGS, id) for id in range(1, COUNT)), Replace(THINGS, COUNT, {"text": "new"}))
    assert [index._ids for index in store._tables["things"].indexes] == [{"new": [COUNT]}, {}]


async def test_a_purge_yields_to_the_event_loop_and_does_not_delete_keys_revoked_again(store: MemoryStore) -> None:
    await store.write(*(Revoke(f"{number}", 1) for number in range(COUNT)))
    purge = asyncio.create_task(store.purge(2))
    yields = 0
    while not purge.done():
        await asyncio.sleep(0)
        yields += 1
        await store.write(Revoke(f"{COUNT - yields}", LATER))
    assert yields > COUNT // 1000
    assert await purge == COUNT - yields + 1  # the last write came after the purge had finished
    assert await store.revoked(f"{COUNT - 1}")


async def test_two_concurrent_purges_delete_each_key_once(store: MemoryStore) -> None:
    await store.write(*(Revoke(f"{number}", 1) for number in range(COUNT)))
    assert sum(await asyncio.gather(store.purge(2), store.purge(2))) == COUNT


async def test_a_scan_is_not_affected_by_concurrent_writes(store: MemoryStore) -> None:
    seen = []
    async for record, _ in store.scan(THINGS):
        seen.append(record.id)
        await store.write(Remove(THINGS, record.id), Add(THINGS, {}))
    assert seen == list(range(1, COUNT + 1))
