"""Reads by id, gathered: those that come while others are under way are answered together by the next statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from service.store.base import StoreUnavailable
from service.store.postgres.pool import WAIT

V = TypeVar("V")
_AT_ONCE = 2  # statements under way
_PATIENCE = WAIT / 2  # seconds; then the statement may wait as long as any for its connection


class Gathering(Generic[V]):
    """Turns many calls into few statements. What a call answers was read after the call."""

    def __init__(self, read: Callable[[Sequence[int]], Awaitable[Mapping[int, V]]]) -> None:
        self._read = read
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._next: tuple[set[int], asyncio.Task[Mapping[int, V]]] | None = None

    async def get(self, id: int) -> V | None:
        """What is there under this id."""
        if self._next is None:
            fresh: set[int] = set()
            self._next = fresh, asyncio.create_task(self._answer(fresh))
        ids, answer = self._next
        ids.add(id)
        # Shielded, because a caller that goes away must not take the others' answer along.
        return (await asyncio.shield(answer)).get(id)

    async def _answer(self, ids: set[int]) -> Mapping[int, V]:
        await self._wait()
        try:
            return await self._read(list(ids))
        finally:
            self._turn.release()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._turn.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("The reads before this one took too long.") from error
        finally:
            self._next = None  # whoever comes from here on is too late for this statement
