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

from service.store.postgres.errors import FAILURES
from service.store.postgres.pool import WAIT, Pool

CHANNEL = "shipyard_revoked"
_LIVE = "SELECT key, expires FROM shipyard.revocations WHERE expires >= $1"
_KNOWN = "SELECT EXISTS (SELECT FROM shipyard.revocations WHERE key = ANY ($1::text[]) AND expires >= $2)"
_PULSE = 0.25  # seconds between two such questions
_TRUST = 1.0  # seconds that the mirror is believed after the last question that was answered
_BATCH = 1000
_log = logging.getLogger(__name__)


class Revocations:
    """What was revoked, here or by another instance, and has not expired.

    An answer on the connection that listens proves that every notification from before the question has come too: the
    mirror lags behind by `_TRUST` at most. Past that, the database itself is asked.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._expires: dict[str, int] = {}
        self._soonest: list[tuple[int, str]] = []
        self._trusted = -math.inf
        self._following = True  # said to be so; as yet nobody has been told otherwise
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
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    return  # asyncpg has put a failure of its own in the place of the cancellation
                if isinstance(error, TimeoutError):
                    # Whoever waits for an answer on another connection waits in vain too.
                    await self._pool.renew()
                if self._following:
                    self._following = False
                    _log.warning("The notifications of revocations are lost, so each token is looked up: %r", error)
            await asyncio.sleep(_PULSE)

    async def _mirror(self, connection: Any) -> None:
        connection.add_termination_listener(self._lost)
        # Listening first: what is revoked while the rest is read comes as a notification.
        await connection.add_listener(CHANNEL, self._heard)
        async with connection.transaction():
            async for row in connection.cursor(_LIVE, int(time.time()), prefetch=_BATCH):
                self.add(row["key"], row["expires"])
        if not self._following:
            self._following = True
            _log.info("The notifications of revocations come in.")
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
