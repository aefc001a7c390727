"""Fixtures for a real PostgreSQL: the one that SHIPYARD_TEST_POSTGRES names, or else one that is started here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import asyncpg
import pytest

from service.store.base import Collection, StoreUnavailable
from service.store.postgres import PostgresStore
from tests.support.postgres_server import Server

OpenPostgres = Callable[..., Awaitable[PostgresStore]]

_DISCONNECT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_CLEAR = """
    DO $$
    DECLARE each record;
    BEGIN
        FOR each IN SELECT * FROM pg_tables WHERE schemaname = 'shipyard' AND tablename <> 'state' LOOP
            EXECUTE format('DELETE FROM shipyard.%I', each.tablename);
        END LOOP;
        FOR each IN SELECT * FROM pg_sequences WHERE schemaname = 'shipyard' LOOP
            EXECUTE format('ALTER SEQUENCE shipyard.%I RESTART', each.sequencename);
        END LOOP;
        IF to_regclass('shipyard.state') IS NOT NULL THEN
            UPDATE shipyard.state SET written = FALSE;
        END IF;
    END $$
"""


def execute(url: str, *statements: str) -> None:
    """Execute SQL in an event loop of another thread, for synchronous fixtures."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


class Admin:
    """A connection for synchronous fixtures that stays open, because connecting takes longer than most statements."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._thread = ThreadPoolExecutor(1)
        self._loop = asyncio.new_event_loop()
        self._connection: Any = self._run(asyncpg.connect(url))

    def execute(self, *statements: str) -> None:
        """Execute SQL."""
        for statement in statements:
            self._run(self._connection.execute(statement))

    def close(self) -> None:
        """Close the connection."""
        self._run(self._connection.close())
        self._loop.close()
        self._thread.shutdown()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._thread.submit(self._loop.run_until_complete, work).result()


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until the condition returns a true value; StoreUnavailable counts as false."""
    async with asyncio.timeout(20):
        while True:
            try:
                if await condition():
                    return
            except StoreUnavailable:
                pass
            await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of the maintenance database of a running server."""
    if url := os.environ.get("SHIPYARD_TEST_POSTGRES"):
        yield url
        return
    server = Server()
    try:
        server.start()
        yield server.url
    finally:
        server.remove()


@pytest.fixture(scope="session")
def _postgres_database(postgres_server: str) -> Iterator[Admin]:
    with _database(postgres_server) as admin:
        yield admin


@pytest.fixture(scope="session")
def _postgres_service(postgres_server: str) -> Iterator[Admin]:
    with _database(postgres_server) as admin:
        yield admin


@pytest.fixture
def postgres_url(_postgres_database: Admin) -> Iterator[str]:
    """The URL of an empty database."""
    yield _postgres_database.url
    # Faster than a new database for each test. Connections that are still open may hold locks.
    _postgres_database.execute(_DISCONNECT, "DROP SCHEMA IF EXISTS shipyard CASCADE")


@pytest.fixture
def postgres_service_url(_postgres_service: Admin) -> Iterator[str]:
    """The URL of a database without records. Its tables may exist: creating them takes longer than most tests."""
    yield _postgres_service.url
    _postgres_service.execute(_DISCONNECT, _CLEAR)


@contextmanager
def _database(server: str) -> Iterator[Admin]:
    name = f"shipyard_test_{uuid4().hex}"
    create = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
    try:
        # With a collation whose order differs from that of code points.
        execute(server, f"{create} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    except (asyncpg.FeatureNotSupportedError, asyncpg.PostgresSyntaxError):
        execute(server, create)
    admin = Admin(urlsplit(server)._replace(path=f"/{name}").geturl())
    yield admin
    admin.close()
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def postgres_admin(postgres_url: str) -> AsyncIterator[Any]:
    """A connection to the database of `postgres_url` for direct access."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def open_postgres(postgres_url: str) -> AsyncIterator[OpenPostgres]:
    """`await open_postgres(collection)` opens a store on the database; `options` are added to its URL."""
    stores: list[PostgresStore] = []

    async def open(
        *collections: Collection, user: str | None = None, patience: float = 0, **options: Any
    ) -> PostgresStore:
        parts = urlsplit(postgres_url)
        if user is not None:
            parts = parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}")
        url = parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | options)).geturl()
        store = PostgresStore(url, patience)
        stores.append(store)
        await store.open(collections)
        return store

    yield open
    for store in stores:
        await store.close()
