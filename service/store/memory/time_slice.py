"""Yielding to the event loop during long computations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")

SECONDS = 0.005
"""How long a computation may run before it yields to the event loop."""


class TimeSlice:
    """The time that a computation has run since it last yielded to the event loop."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    async def checkpoint(self) -> None:
        """Yield to the event loop if the time slice is used up."""
        if time.perf_counter() - self._start > SECONDS:
            await asyncio.sleep(0)
            self._start = time.perf_counter()

    async def chunks(self, items: Sequence[T], size: int) -> AsyncIterator[Sequence[T]]:
        """Iterate over `items` in chunks of this size, with a checkpoint after each."""
        for start in range(0, len(items), size):
            yield items[start : start + size]
            await self.checkpoint()
