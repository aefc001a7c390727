"""The revoked keys, mirrored in memory by LISTEN and NOTIFY; and until when the mirror can be trusted."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import time
from collections.abc import Sequence
from typing import Any

from service.store.postgres_errors import FAILURES
from service.store.postgres_pool import WAIT, Pool

CHANNEL = "shipyard_revoked"
_LIVE = "SELECT key, expires FROM shipyard.revocations WHERE expires >= $1"
_KNOWN = "SELECT EXISTS (SELECT FROM shipyard.revocations WHERE key = ANY ($1::text[]) AND expires >= $2)"
_PULSE = 0.25  # seconds between two signs of life
_TRUST = 1.0  # seconds that the mirror is believed after a sign of life was asked for
_BATCH = 1000
_log = logging.getLogger(__name__)


class Revocations:
    """What was revoked, here or by another instance, and has not expired.

    A sign of life that comes back proves that every notification from before it was asked for has come too, so the mirror
    lags behind by `_TRUST` at most. Past that, the database itself is asked.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._expires: dict[str, int] = {}
        self._soonest: list[tuple[int, str]] = []
        self._trusted = -math.inf
        self._task: asyncio.Task[None] | None = None

    def follow(self) -> None:
        """Begin to mirror what is revoked, until `close`."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Mirror no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def add(self, key: str, expires: int) -> None:
        """Know a key as revoked; the later `expires` counts."""
        if expires > self._expires.get(key, -1):
            self._expires[key] = expires
            heapq.heappush(self._soonest, (expires, key))

    async def forget(self, now: int) -> None:
        """Let go of what expired before `now`, in turns with other work."""
        for count in itertools.count():
            if not self._soonest or self._soonest[0][0] >= now:
                return
            expires, key = heapq.heappop(self._soonest)
            if self._expires.get(key) == expires:
                del self._expires[key]
            if count % _BATCH == 0:
                await asyncio.sleep(0)

    async def hold(self, keys: Sequence[str]) -> bool:
        """Whether one of the keys is revoked; asks the database where the mirror cannot be sure."""
        now = time.time()
        if any(self._expires.get(key, -1) >= now for key in keys):
            return True
        if asyncio.get_running_loop().time() < self._trusted:
            return False
        async with self._pool.connection() as connection:
            return bool(await connection.fetchval(_KNOWN, keys, math.ceil(now)))

    async def _follow(self) -> None:
        while True:
            try:
                connection = await self._pool.connect(limit=WAIT)
                try:
                    await self._mirror(connection)
                finally:
                    connection.terminate()
            except FAILURES as error:
                self._trusted = -math.inf
                _log.warning("Revocations are asked for one by one until PostgreSQL answers again: %r", error)
                if isinstance(error, TimeoutError):
                    # Not even a pulse: whoever waits for an answer on another connection would wait in vain.
                    await self._pool.renew()
            await asyncio.sleep(_PULSE)

    async def _mirror(self, connection: Any) -> None:
        connection.add_termination_listener(self._lost)
        # Listening first: what is revoked while the rest is read comes as a notification.
        await connection.add_listener(CHANNEL, self._heard)
        async with connection.transaction():
            async for row in connection.cursor(_LIVE, int(time.time()), prefetch=_BATCH):
                self.add(row["key"], row["expires"])
        while True:
            asked = asyncio.get_running_loop().time()
            await connection.execute("SELECT 1")
            self._trusted = asked + _TRUST
            await asyncio.sleep(_PULSE)

    def _heard(self, connection: Any, process: int, channel: str, payload: str) -> None:  # noqa: ARG002  # asyncpg's form
        expires, _, key = payload.partition(" ")
        self.add(key, int(expires))

    def _lost(self, connection: Any) -> None:  # noqa: ARG002  # asyncpg's form
        self._trusted = -math.inf
