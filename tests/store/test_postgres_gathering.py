from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from service.store.base import StoreUnavailable
from service.store.postgres.gathering import Gathering


class Table:
    """Reads that end when they are let go."""

    def __init__(self) -> None:
        self.reads: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gathering = Gathering(self.read)

    async def read(self, ids: Sequence[int]) -> Mapping[int, str]:
        self.reads.append(sorted(ids))
        await self.gate.wait()
        if 0 in ids:
            raise StoreUnavailable("no")
        return {id: f"value {id}" for id in ids if id < 100}

    async def ask(self, *ids: int) -> list[asyncio.Task[str | None]]:
        """Calls that have come as far as they can."""
        tasks = [asyncio.ensure_future(self.gathering.get(id)) for id in ids]
        for _ in range(10):
            await asyncio.sleep(0)
        return tasks


async def test_calls_made_at_once_are_one_read() -> None:
    table = Table()
    table.gate.set()
    answers = await asyncio.gather(*[table.gathering.get(id) for id in (1, 2, 2, 100)])
    assert answers == ["value 1", "value 2", "value 2", None]
    assert table.reads == [[1, 2, 100]]


async def test_a_call_is_never_answered_by_a_read_from_before_it() -> None:
    table = Table()
    calls = await table.ask(1) + await table.ask(1) + await table.ask(1) + await table.ask(2)
    assert table.reads == [[1], [1]]
    table.gate.set()
    assert await asyncio.gather(*calls) == ["value 1", "value 1", "value 1", "value 2"]
    assert table.reads == [[1], [1], [1, 2]]


async def test_a_caller_that_leaves_takes_no_answer_along() -> None:
    table = Table()
    leaving, staying = await table.ask(1, 1)
    leaving.cancel()
    table.gate.set()
    assert await staying == "value 1"
    assert leaving.cancelled()


async def test_a_read_that_fails_fails_for_those_it_was_made_for() -> None:
    table = Table()
    failing, good = await table.ask(0, 1), await table.ask(2)
    table.gate.set()
    answers = await asyncio.gather(*failing, *good, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable, StoreUnavailable, str]
    assert await table.gathering.get(3) == "value 3"


async def test_nobody_waits_for_ever_behind_other_reads() -> None:
    table = Table()
    blocked = await table.ask(1) + await table.ask(2)
    with pytest.raises(StoreUnavailable):
        await table.gathering.get(3)
    table.gate.set()
    assert await asyncio.gather(*blocked, table.gathering.get(3)) == ["value 1", "value 2", "value 3"]
