"""What production rejects: demo users, plugins that are not allowed; weak keys are in tests/auth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from service.app import create_app
from service.auth.passwords import Passwords
from service.settings.loader import load_settings
from service.settings.schema import Settings
from tests.support.planets import PLANETS
from tests.support.program import startup_error

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

SECRET = "9vQkq2Zr7dLx0WfTn4YbHs8UaEcJpMgR"


def production(**changes: Any) -> Settings:
    return load_settings("production", {}, jwt={"secret": SECRET}, access_log=False, **changes)


@pytest.fixture
async def own_data(tmp_path: Path) -> str:
    """A data file with the example's first user under another password, and no ship."""
    passwords = Passwords(threads=1)
    users = [{"id": 1, "name": "user", "password": await passwords.hash("another password")}]
    passwords.close()
    path = tmp_path / "own.json"
    path.write_bytes(orjson.dumps({"users": users, "ships": []}))
    return str(path)


async def test_production_does_not_start_with_the_demo_users(data_file: Path) -> None:
    assert await startup_error(production(data=str(data_file))) == (
        "production: the example's users can log in with their well-known passwords: user, guest. Remove them, fill "
        "the store from a file of your own (SHIPYARD_DATA), or set SHIPYARD_ALLOW_DEMO_USERS=true."
    )


async def test_production_does_not_start_with_one_demo_user(tmp_path: Path, own_data: str) -> None:
    document = orjson.loads(Path(own_data).read_bytes())
    document["users"].append({"id": 2, "name": "Guest", "password": "guest"})
    Path(own_data).write_bytes(orjson.dumps(document))
    assert "well-known passwords: guest." in await startup_error(production(data=own_data))


async def test_the_users_of_a_durable_store_are_checked_too(data_file: Path, tmp_path: Path) -> None:
    options = {"data": str(data_file), "store": f"sqlite:///{tmp_path}/shipyard.db"}
    async with TestServer(create_app(production(allow_demo_users=True, **options))):
        pass
    assert "well-known passwords: user, guest." in await startup_error(production(**options))


async def test_production_starts_with_the_demo_users_if_they_are_allowed(data_file: Path) -> None:
    async with TestClient(TestServer(create_app(production(data=str(data_file), allow_demo_users=True)))) as client:
        response = await client.post("/auth/login", json={"username": "user", "password": "password"})
        assert response.status == 200


async def test_production_starts_with_other_users(own_data: str) -> None:
    async with TestClient(TestServer(create_app(production(data=own_data)))) as client:
        assert (await client.get("/health/ready")).status == 200


async def test_a_new_password_has_at_least_8_characters_in_production(own_data: str) -> None:
    async with TestClient(TestServer(create_app(production(data=own_data)))) as client:
        response = await client.post("/api/users", json={"name": "new user", "password": "1234567"})
        assert response.status == 400
        assert (await response.json())["message"] == {"password": ["Shorter than minimum length 8."]}
        assert (await client.post("/api/users", json={"name": "new user", "password": "12345678"})).status == 201


async def test_production_loads_plugins_of_allowed_distributions_only(install: Install, own_data: str) -> None:
    install("planets", PLANETS)
    error = await startup_error(production(data=own_data))
    assert error.startswith("plugin 'planets' comes from the distribution 'planets', which plugins.allow does not list")
    async with TestClient(
        TestServer(create_app(production(data=own_data, plugins={"allow": ["shipyard", "planets"]})))
    ) as client:
        assert (await client.get("/api/planets")).status == 200
