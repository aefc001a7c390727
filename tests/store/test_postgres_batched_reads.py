"""Batching of reads by id (service/store/postgres/batched_reads.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from service.store.base import StoreUnavailable
from service.store.postgres.batched_reads import BatchedReads


class Source:
    """Records the reads of a BatchedReads, each of which returns when `gate` is set."""

    def __init__(self) -> None:
        self.reads: list[list[int]] = []
        self.gate = asyncio.Event()
        self.batched = BatchedReads(self.read)

    async def read(self, ids: Sequence[int]) -> Mapping[int, str]:
        self.reads.append(sorted(ids))
        await self.gate.wait()
        if 0 in ids:
            raise StoreUnavailable("no")
        return {id: f"value {id}" for id in ids if id < 100}

    async def start_calls(self, *ids: int) -> list[asyncio.Task[str | None]]:
        """Return calls that have run until they wait."""
        tasks = [asyncio.ensure_future(self.batched.get(id)) for id in ids]
        for _ in range(10):
            await asyncio.sleep(0)
        return tasks


async def test_concurrent_calls_share_one_read() -> None:
    source = Source()
    source.gate.set()
    values = await asyncio.gather(*[source.batched.get(id) for id in (1, 2, 2, 100)])
    assert values == ["value 1", "value 2", "value 2", None]
    assert source.reads == [[1, 2, 100]]


async def test_a_call_never_returns_the_result_of_a_read_that_started_before_it() -> None:
    source = Source()
    calls = [call for id in (1, 1, 1, 2) for call in await source.start_calls(id)]
    assert source.reads == [[1], [1]]
    source.gate.set()
    assert await asyncio.gather(*calls) == ["value 1", "value 1", "value 1", "value 2"]
    assert source.reads == [[1], [1], [1, 2]]


async def test_the_cancellation_of_one_caller_does_not_affect_the_others() -> None:
    source = Source()
    cancelled, other = await source.start_calls(1, 1)
    cancelled.cancel()
    source.gate.set()
    assert await other == "value 1"
    assert cancelled.cancelled()


async def test_a_failed_read_raises_its_exception_to_its_own_callers_only() -> None:
    source = Source()
    failing, successful = await source.start_calls(0, 1), await source.start_calls(2)
    source.gate.set()
    results = await asyncio.gather(*failing, *successful, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable, str]
    assert await source.batched.get(3) == "value 3"


async def test_a_call_that_waits_too_long_for_earlier_reads_raises_store_unavailable() -> None:
    source = Source()
    blocked = await source.start_calls(1) + await source.start_calls(2)
    with pytest.raises(StoreUnavailable, match="Timed out waiting for earlier reads"):
        await source.batched.get(3)
    source.gate.set()
    assert await asyncio.gather(*blocked, source.batched.get(3)) == ["value 1", "value 2", "value 3"]
