"""What the memory store keeps for a time only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Kept = TypeVar("Kept")

_TURN = 1000  # keys that are looked at before others may have their turn


async def forget(kept: dict[str, Kept], is_over: Callable[[Kept], bool]) -> int:
    """Forget what is over; how much there was."""
    forgotten = 0
    for count, key in enumerate([*kept]):
        if count % _TURN == 0:
            await asyncio.sleep(0)
        if key in kept and is_over(kept[key]):
            del kept[key]
            forgotten += 1
    return forgotten
