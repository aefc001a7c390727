"""What is the memory store's own: it shares the event loop's thread with everybody else."""

from __future__ import annotations

import asyncio

import pytest

from service.store.base import Add, Condition, Field, Query, Remove, Replace, Revoke, Sort
from service.store.memory import MemoryStore, scanning
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
async def test_a_long_query_gives_way_again_and_again_and_sees_the_state_of_its_beginning(
    store: MemoryStore, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await store.find(THINGS, query)
    monkeypatch.setattr(scanning, "_TURN", 0)
    find = asyncio.create_task(store.find(THINGS, query))
    turns = 0
    while not find.done():
        await asyncio.sleep(0)
        turns += 1
        await store.write(Remove(THINGS, turns), Replace(THINGS, COUNT - turns, {}), Add(THINGS, {"text": "5"}))
    assert turns > CHUNKS
    assert await find == expected


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (Query(start=COUNT - 5, limit=2), [COUNT - 4, COUNT - 3]),
        (Query((Condition(TEXT, "eq", ("7", "5")),)), [6, 8]),
        (Query((Condition(NUMBER, "eq", (-5,)), Condition(NUMBER, "lt", (0,)))), [6]),
        (Query((Condition(Field("id", "number"), "eq", (6,)),)), [6]),
    ],
)
async def test_a_page_without_conditions_or_with_an_indexed_value_does_not_wait(
    store: MemoryStore, query: Query, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_TURN", 0.001)
    find = store.find(THINGS, query)
    with pytest.raises(StopIteration) as stopped:
        find.send(None)
    assert [record.id for record in stopped.value.value.records] == ids


async def test_an_index_holds_nothing_of_what_is_gone(store: MemoryStore) -> None:
    await store.write(*(Remove(THINGS, id) for id in range(1, COUNT)), Replace(THINGS, COUNT, {"text": "new"}))
    shelf = store._shelves["things"]
    assert [index._ids for index in shelf.indexes] == [{"new": [COUNT]}, {}]


async def test_a_purge_gives_way_and_leaves_what_is_revoked_again(store: MemoryStore) -> None:
    await store.write(*(Revoke(f"{number}", 1) for number in range(COUNT)))
    purge = asyncio.create_task(store.purge(2))
    turns = 0
    while not purge.done():
        await asyncio.sleep(0)
        turns += 1
        await store.write(Revoke(f"{COUNT - turns}", LATER))
    assert turns > COUNT // 1000
    assert await purge == COUNT - turns + 1  # the last write came when all was done
    assert await store.revoked(f"{COUNT - 1}")


async def test_two_purges_at_once_forget_everything_once(store: MemoryStore) -> None:
    await store.write(*(Revoke(f"{number}", 1) for number in range(COUNT)))
    assert sum(await asyncio.gather(store.purge(2), store.purge(2))) == COUNT


async def test_a_scan_goes_on_while_records_come_and_go(store: MemoryStore) -> None:
    seen = []
    async for record, _ in store.scan(THINGS):
        seen.append(record.id)
        await store.write(Remove(THINGS, record.id), Add(THINGS, {}))
    assert seen == list(range(1, COUNT + 1))
