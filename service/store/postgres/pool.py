"""A pool of connections to one PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from service.store.base import StoreUnavailable, StoreUnusable
from service.store.postgres.errors import DRIVER_ERRORS, ConnectionLost, translate_errors

CONNECT_TIMEOUT_SECONDS = 1.0
"""How long to wait for a free connection, or for a new one."""
_SERVER_SETTINGS = {
    "application_name": "shipyard",
    "default_transaction_isolation": "read committed",
    "jit": "off",  # compilation takes longer than it saves for statements that take milliseconds
}
_PERMANENT_ERRORS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.exceptions.ClientConfigurationError,
    ValueError,
)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # untyped
    def get_reset_query(self) -> str:
        # No statement changes the session, so there is nothing to reset: this saves a round trip for each use.
        return ""


class Pool:
    """Connections to the database that a URL names.

    Options in the query string of the URL: `pool`, the maximum number of connections (10); `timeout`, the seconds that
    a statement may take (5).
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            self._size = int(options.pop("pool", "10"))
            self._timeout = float(options.pop("timeout", "5"))
        except ValueError:
            self._size = 0
        if self._size < 1 or not 0.001 <= self._timeout <= 1e6:
            raise StoreUnusable(
                "Invalid store URL: pool must be an integer of at least 1, timeout a number of seconds."
            )
        self._url = parts._replace(query=urlencode(options)).geturl()
        user, at, host = parts.netloc.rpartition("@")
        self.name = f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"
        self._pool: Any = None
        # asyncpg's own queue is not fair: new callers can overtake those that wait, who might then wait indefinitely.
        self._slots = asyncio.Semaphore(self._size)

    async def connect(self, timeout: float | None = None) -> Any:
        """Return a connection outside the pool; timeout: the seconds that a statement may take."""
        return await asyncpg.connect(
            self._url, timeout=CONNECT_TIMEOUT_SECONDS, command_timeout=timeout, server_settings=_SERVER_SETTINGS
        )

    async def connect_with_retry(self, patience: float) -> Any:
        """Return a connection outside the pool, and retry for `patience` seconds. Raises StoreUnusable."""
        clock = asyncio.get_running_loop().time
        end, pause = clock() + patience, 0.1
        while True:
            try:
                return await self.connect()
            except _PERMANENT_ERRORS as error:
                raise StoreUnusable(f"PostgreSQL rejects the connection to {self.name}: {error}") from error
            except DRIVER_ERRORS as error:
                if clock() + pause > end:
                    reason = str(error) or "timed out"
                    raise StoreUnusable(f"Cannot connect to PostgreSQL at {self.name}: {reason}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def open(self) -> None:
        """Create the pool; connections are made on demand."""
        limits = {
            "statement_timeout": f"{self._timeout * 1000:.0f}",
            "idle_in_transaction_session_timeout": "60000",  # releases the locks of an instance that has vanished
        }
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._size,
            max_cached_statement_lifetime=0,
            connection_class=_Connection,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=self._timeout + 1,
            server_settings=_SERVER_SETTINGS | limits,
        )

    async def close(self) -> None:
        """Wait for the connections in use, for the time that a statement may take, then close all."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        with suppress(*DRIVER_ERRORS):
            async with asyncio.timeout(self._timeout):
                await pool.close()

    async def reset(self) -> None:
        """Terminate all connections, including those in use, and create the pool again."""
        old = self._pool
        await self.open()
        old.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Acquire a connection for the block, in which errors are translated. Raises StoreUnavailable."""
        pool = self._pool
        if pool is None:
            raise StoreUnavailable("The store is not open.")
        connection = await self._acquire(pool)
        try:
            with translate_errors():
                yield connection
        except ConnectionLost:
            # The other connections are probably lost, too: each is replaced before its next use.
            await pool.expire_connections()
            with suppress(*DRIVER_ERRORS):
                connection.terminate()
            raise
        finally:
            try:
                with suppress(*DRIVER_ERRORS):
                    await pool.release(connection)
            finally:
                self._slots.release()

    async def _acquire(self, pool: Any) -> Any:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await self._slots.acquire()
                try:
                    with translate_errors():
                        return await pool.acquire()
                except BaseException:
                    self._slots.release()
                    raise
        except TimeoutError as error:
            raise StoreUnavailable("Timed out waiting for a database connection.") from error
