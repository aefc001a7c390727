"""Closing a store on PostgreSQL in a moment that asyncpg is not prepared for."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from service.store.postgres import PostgresStore
from service.store.postgres.revocations import Revocations


async def test_a_cancellation_that_asyncpg_turns_into_its_own_failure_still_ends_the_mirror(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()
    failures = iter([asyncpg.InterfaceError("cannot perform operation: connection is closed")])

    # As seen, once in thousands of times: the transaction's rollback fails on the closed connection, and its error
    # takes the place of the cancellation.
    async def mirror(self: Revocations, connection: Any) -> None:
        try:
            reached.set()
            await asyncio.Event().wait()
        finally:
            for failure in failures:
                raise failure

    monkeypatch.setattr(Revocations, "_mirror", mirror)
    store = PostgresStore(postgres_url)
    await store.open([])
    await reached.wait()
    async with asyncio.timeout(20):
        await store.close()
