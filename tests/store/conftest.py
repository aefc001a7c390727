"""Fixtures for tests that run on a store of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from service.store.base import Store
from service.store.by_url import store_for
from tests.support.collections import COLLECTIONS

Open = Callable[[], Awaitable[Store]]


@pytest.fixture
async def open_store(store_url: str) -> AsyncIterator[Open]:
    """A function that opens the store of the test once more, as another process or a restart does."""
    stores: list[Store] = []

    async def open() -> Store:
        store = store_for(store_url, Path.cwd())
        await store.open(COLLECTIONS)
        stores.append(store)
        return store

    yield open
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store: Open) -> Store:
    """An empty store."""
    return await open_store()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A path for the file of a SQLite store."""
    return tmp_path / "file.db"
