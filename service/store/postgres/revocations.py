"""The revoked keys of all instances, mirrored in memory with LISTEN and NOTIFY."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import time
from collections.abc import Sequence
from typing import Any

from service.store.postgres.errors import DRIVER_ERRORS
from service.store.postgres.pool import CONNECT_TIMEOUT_SECONDS, Pool

CHANNEL = "shipyard_revoked"
_SELECT_UNEXPIRED = "SELECT key, expires FROM shipyard.revocations WHERE expires >= $1"
_IS_ANY_REVOKED = "SELECT EXISTS (SELECT FROM shipyard.revocations WHERE key = ANY ($1::text[]) AND expires >= $2)"
_HEARTBEAT_SECONDS = 0.25
_MAX_LAG_SECONDS = 1.0
_BATCH_SIZE = 1000
_log = logging.getLogger(__name__)


class Revocations:
    """The keys that any instance has revoked and that have not expired.

    A heartbeat on the listening connection proves that all earlier notifications have arrived, because PostgreSQL sends
    them before its response. The mirror is used while the last successful heartbeat was sent less than
    _MAX_LAG_SECONDS ago; otherwise the database is queried.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._expires: dict[str, int] = {}
        self._by_expiry: list[tuple[int, str]] = []  # a heap
        self._current_until = -math.inf
        self._is_listening = True  # assumed at the start, so that the first connection is not logged
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to mirror the revoked keys."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop mirroring the revoked keys."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def add(self, key: str, expires: int) -> None:
        """Add a revoked key; of several values of `expires`, the latest counts."""
        if expires > self._expires.get(key, -1):
            self._expires[key] = expires
            heapq.heappush(self._by_expiry, (expires, key))

    async def delete_expired(self, now: int) -> None:
        """Delete the keys that expired before `now`, and yield to the event loop between batches."""
        for count in itertools.count():
            if not self._by_expiry or self._by_expiry[0][0] >= now:
                return
            expires, key = heapq.heappop(self._by_expiry)
            if self._expires.get(key) == expires:
                del self._expires[key]
            if count % _BATCH_SIZE == 0:
                await asyncio.sleep(0)

    async def any_revoked(self, keys: Sequence[str]) -> bool:
        """Return whether one of the keys is revoked; queries the database if the mirror may be outdated."""
        now = time.time()
        if any(self._expires.get(key, -1) >= now for key in keys):
            return True
        if asyncio.get_running_loop().time() < self._current_until:
            return False
        async with self._pool.connection() as connection:
            return bool(await connection.fetchval(_IS_ANY_REVOKED, keys, math.ceil(now)))

    async def _run(self) -> None:
        """Mirror the revoked keys, and connect again whenever the connection is lost."""
        while True:
            try:
                connection = await self._pool.connect(timeout=CONNECT_TIMEOUT_SECONDS)
                try:
                    await self._mirror(connection)
                finally:
                    connection.terminate()
            except DRIVER_ERRORS as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    return  # asyncpg has raised an error of its own in place of the cancellation
                if isinstance(error, TimeoutError):
                    # The server hangs, so statements on the other connections would time out, too.
                    await self._pool.reset()
                if self._is_listening:
                    self._is_listening = False
                    _log.warning("Lost the connection that receives revocations; querying the database: %r", error)
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def _mirror(self, connection: Any) -> None:
        connection.add_termination_listener(self._on_termination)
        # Listen first, so that keys revoked during the SELECT arrive as notifications.
        await connection.add_listener(CHANNEL, self._on_notification)
        async with connection.transaction():
            async for row in connection.cursor(_SELECT_UNEXPIRED, int(time.time()), prefetch=_BATCH_SIZE):
                self.add(row["key"], row["expires"])
        if not self._is_listening:
            self._is_listening = True
            _log.info("Receiving revocations again.")
        while True:
            sent = asyncio.get_running_loop().time()
            await connection.execute("SELECT 1")
            self._current_until = sent + _MAX_LAG_SECONDS
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    def _on_notification(self, connection: Any, process: int, channel: str, payload: str) -> None:  # noqa: ARG002  # asyncpg's signature
        expires, _, key = payload.partition(" ")
        self.add(key, int(expires))

    def _on_termination(self, connection: Any) -> None:  # noqa: ARG002  # asyncpg's signature
        self._current_until = -math.inf
