"""Connections to one PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from service.store.base import StoreUnavailable, StoreUnusable
from service.store.postgres.errors import FAILURES, Lost, meaning

WAIT = 1.0
"""Seconds that a free connection is waited for, and that connecting may take."""
_SETTINGS = {
    "application_name": "shipyard",
    "default_transaction_isolation": "read committed",
    "jit": "off",  # compiling costs more than it saves on statements of milliseconds
}
_HOPELESS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.exceptions.ClientConfigurationError,
    ValueError,
)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # untyped
    def get_reset_query(self) -> str:
        # No session state is ever set, so there is none to reset: a round trip less for each use.
        return ""


class Pool:
    """Connections to the database of a URL, given out one by one, made anew when lost.

    The URL's own options: `pool`, how many at most (10); `timeout`, the seconds that a statement may take (5).
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            self._size = int(options.pop("pool", "10"))
            self._limit = float(options.pop("timeout", "5"))
        except ValueError:
            self._size = 0
        if self._size < 1 or not 0.001 <= self._limit <= 1e6:
            raise StoreUnusable("In the store's URL, pool is a whole number from 1 and timeout a number of seconds.")
        self._url = parts._replace(query=urlencode(options)).geturl()
        user, at, host = parts.netloc.rpartition("@")
        self.name = f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"
        self._pool: Any = None
        # asyncpg's queue lets whoever comes at the right moment overtake those who wait: some would wait for ever.
        self._turns = asyncio.Semaphore(self._size)

    async def connect(self, limit: float | None = None) -> Any:
        """A connection of its own, outside the pool; `limit`: seconds that an answer may take."""
        return await asyncpg.connect(self._url, timeout=WAIT, command_timeout=limit, server_settings=_SETTINGS)

    async def reach(self, patience: float) -> Any:
        """A connection of its own, tried for `patience` seconds. Raises StoreUnusable."""
        clock = asyncio.get_running_loop().time
        end, pause = clock() + patience, 0.1
        while True:
            try:
                return await self.connect()
            except _HOPELESS as error:
                raise StoreUnusable(f"PostgreSQL refuses {self.name}: {error}") from error
            except FAILURES as error:
                if clock() + pause > end:
                    raise StoreUnusable(
                        f"PostgreSQL cannot be reached at {self.name}: {error or 'no answer'}"
                    ) from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def open(self) -> None:
        """Make ready to give out connections; none is made yet."""
        limits = {
            "statement_timeout": f"{self._limit * 1000:.0f}",
            "idle_in_transaction_session_timeout": "60000",  # an instance that vanished must not hold locks for ever
        }
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._size,
            max_cached_statement_lifetime=0,
            connection_class=_Connection,
            timeout=WAIT,
            command_timeout=self._limit + 1,
            server_settings=_SETTINGS | limits,
        )

    async def close(self) -> None:
        """Wait a little for the connections given out, then close all."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        with suppress(*FAILURES):
            async with asyncio.timeout(self._limit):
                await pool.close()

    async def renew(self) -> None:
        """Break off all connections, also those given out."""
        old = self._pool
        await self.open()
        old.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Give out a connection, with `meaning` for what goes wrong."""
        pool = self._pool
        if pool is None:
            raise StoreUnavailable("The store is closed.")
        connection = await self._acquire(pool)
        try:
            with meaning():
                yield connection
        except Lost:
            # One lost, none is trusted: each is made anew before it is given out again.
            await pool.expire_connections()
            with suppress(*FAILURES):
                connection.terminate()
            raise
        finally:
            try:
                with suppress(*FAILURES):
                    await pool.release(connection)
            finally:
                self._turns.release()

    async def _acquire(self, pool: Any) -> Any:
        try:
            async with asyncio.timeout(WAIT):
                await self._turns.acquire()
                try:
                    with meaning():
                        return await pool.acquire()
                except BaseException:
                    self._turns.release()
                    raise
        except TimeoutError as error:
            raise StoreUnavailable("No connection to the database was free in time.") from error
