"""Batching of reads by id: calls made while other reads are in progress share the next statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from service.store.base import StoreUnavailable
from service.store.postgres.pool import CONNECT_TIMEOUT_SECONDS

V = TypeVar("V")
_MAX_CONCURRENT_READS = 2
_TIMEOUT_SECONDS = CONNECT_TIMEOUT_SECONDS / 2  # to start the read, which may then wait for a connection


class BatchedReads(Generic[V]):
    """Combines calls of `get` into calls of `read`. A call never returns what was read before the call."""

    def __init__(self, read: Callable[[Sequence[int]], Awaitable[Mapping[int, V]]]) -> None:
        self._read = read
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT_READS)
        self._next_batch: tuple[set[int], asyncio.Task[Mapping[int, V]]] | None = None

    async def get(self, id: int) -> V | None:
        """Return the value with this id, or None."""
        if self._next_batch is None:
            new_ids: set[int] = set()
            self._next_batch = new_ids, asyncio.create_task(self._read_batch(new_ids))
        ids, task = self._next_batch
        ids.add(id)
        # Shielded, because the cancellation of one caller must not cancel the read of the others.
        return (await asyncio.shield(task)).get(id)

    async def _read_batch(self, ids: set[int]) -> Mapping[int, V]:
        await self._acquire_slot()
        try:
            return await self._read(list(ids))
        finally:
            self._slots.release()

    async def _acquire_slot(self) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._slots.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("Timed out waiting for earlier reads.") from error
        finally:
            self._next_batch = None  # calls from here on need a read that starts after them
