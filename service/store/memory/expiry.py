"""Delete expired entries without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Entry = TypeVar("Entry")

_CHUNK_SIZE = 1000  # keys checked between two yields to the event loop


async def delete_expired(entries: dict[str, Entry], is_expired: Callable[[Entry], bool]) -> int:
    """Delete the expired entries and return their number."""
    deleted = 0
    for count, key in enumerate([*entries]):
        if count % _CHUNK_SIZE == 0:
            await asyncio.sleep(0)
        if key in entries and is_expired(entries[key]):
            del entries[key]
            deleted += 1
    return deleted
