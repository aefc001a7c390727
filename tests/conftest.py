"""Fixtures of all tests: a store of each kind, and the service with it."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, settings

from service.app import create_app
from service.auth.passwords import Passwords
from service.http.server import Runner
from service.settings.schema import ROOT, Settings
from service.testing import login, settings_for_tests

pytest_plugins = ["tests.support.postgres"]

# A loaded machine may take longer for an example than Hypothesis allows by default.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

__all__ = ["login"]  # a fixture

Client = TestClient[web.Request, web.Application]
STORES = ("memory", "sqlite", "postgres")


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection, which saves a fifth of the run time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of data.json with hashed passwords, so that a start hashes none."""
    document = orjson.loads((ROOT / "data.json").read_bytes())
    passwords = Passwords(threads=1)
    for user in document["users"]:
        user["password"] = passwords._hash(user["password"])
    passwords.close()
    path = tmp_path_factory.mktemp("data") / "data.json"
    path.write_bytes(orjson.dumps(document))
    return path


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store of each kind."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_service_url"))
    return "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/shipyard.db"


@pytest.fixture
def make_client(aiohttp_client: Callable[..., Awaitable[Client]], data_file: Path) -> Callable[..., Awaitable[Client]]:
    """`await make_client(**settings)` returns a client of a new service: by default in memory, without docs."""

    async def make(**changes: Any) -> Client:
        return await aiohttp_client(create_app(_settings(data_file, changes)))

    return make


@pytest.fixture
async def client(make_client: Callable[..., Awaitable[Client]], store_url: str) -> Client:
    """Return a client of the service with the records of data.json, for each store."""
    return await make_client(store=store_url)


@pytest.fixture
async def serve(data_file: Path) -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """`await serve(**settings)` starts a service on a socket and returns its port on 127.0.0.1."""
    runners: list[Runner] = []

    async def start(**changes: Any) -> int:
        runner = Runner(create_app(_settings(data_file, changes)))
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


def _settings(data_file: Path, changes: dict[str, Any]) -> Settings:
    # Building the API document takes half the time of creating an app.
    return settings_for_tests(**{"data": str(data_file), "docs": False, **changes})
