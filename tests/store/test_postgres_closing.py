"""Closing a PostgreSQL store while asyncpg replaces the cancellation with an error of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from service.store.postgres import PostgresStore
from service.store.postgres.revocations import Revocations


async def test_a_cancellation_that_asyncpg_replaces_with_an_error_still_stops_the_mirror(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.Event()
    errors = iter([asyncpg.InterfaceError("cannot perform operation: connection is closed")])

    # Observed rarely: the rollback of the transaction fails on the closed connection, and its error replaces the
    # cancellation.
    async def mirror(self: Revocations, connection: Any) -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            for error in errors:
                raise error

    monkeypatch.setattr(Revocations, "_mirror", mirror)
    store = PostgresStore(postgres_url)
    await store.open([])
    await started.wait()
    async with asyncio.timeout(20):
        await store.close()
