"""A real PostgreSQL for the tests: the one that SHIPYARD_TEST_POSTGRES names, else one started here, later removed."""

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

_PART = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = """
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
    """Run SQL from where no event loop may be used."""

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
    """A connection that stays, for where no event loop may be used: a new one costs more than most of what it does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._thread = ThreadPoolExecutor(1)
        self._loop = asyncio.new_event_loop()
        self._connection: Any = self._run(asyncpg.connect(url))

    def execute(self, *statements: str) -> None:
        """Run SQL."""
        for statement in statements:
            self._run(self._connection.execute(statement))

    def close(self) -> None:
        """Let go of it."""
        self._run(self._connection.close())
        self._loop.close()
        self._thread.shutdown()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._thread.submit(self._loop.run_until_complete, work).result()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Return when it holds; the database being away is no answer."""
    async with asyncio.timeout(20):
        while True:
            try:
                if await holds():
                    return
            except StoreUnavailable:
                pass
            await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running server's maintenance database."""
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
    # Far quicker than a new database. Whoever is still connected may hold locks.
    _postgres_database.execute(_PART, "DROP SCHEMA IF EXISTS shipyard CASCADE")


@pytest.fixture
def postgres_service_url(_postgres_service: Admin) -> Iterator[str]:
    """The URL of a database in which nothing is, though the tables may be there: making them costs most of a test."""
    yield _postgres_service.url
    _postgres_service.execute(_PART, _EMPTY)


@contextmanager
def _database(server: str) -> Iterator[Admin]:
    name = f"shipyard_test_{uuid4().hex}"
    create = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
    try:
        # Texts in an order that no store may answer in.
        execute(server, f"{create} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    except (asyncpg.FeatureNotSupportedError, asyncpg.PostgresSyntaxError):
        execute(server, create)
    admin = Admin(urlsplit(server)._replace(path=f"/{name}").geturl())
    yield admin
    admin.close()
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def postgres_admin(postgres_url: str) -> AsyncIterator[Any]:
    """A connection to that database, past every store."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def open_postgres(postgres_url: str) -> AsyncIterator[OpenPostgres]:
    """`await open_postgres(collection)`: one more instance on that database; `options` go into its URL."""
    stores: list[PostgresStore] = []

    async def one_more(
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

    yield one_more
    for store in stores:
        await store.close()
