"""Every subset of the built-in plugins: it serves without a 500, or the start stops with a sentence."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from service.app import create_app
from service.auth.passwords import Passwords
from service.settings.loader import load_settings
from service.settings.schema import Settings
from tests.support.program import startup_error
from tests.support.requests import SHIP, Client, bearer

BUILT_IN = ("ships", "users", "auth")
"""In an order in which they can be loaded."""
SUBSETS = [list(subset) for size in range(len(BUILT_IN) + 1) for subset in combinations(BUILT_IN, size)]
COMPLETE = [subset for subset in SUBSETS if "auth" not in subset or "users" in subset]
INCOMPLETE = [subset for subset in SUBSETS if subset not in COMPLETE]
SECRET = "9vQkq2Zr7dLx0WfTn4YbHs8UaEcJpMgR"

PUBLIC = {"ships": ["/api/ships", "/api/ships/1"], "users": ["/api/users", "/api/users/1"], "auth": []}
PROTECTED: dict[str, list[tuple[str, str, Any, int]]] = {
    "ships": [("POST", "/api/ships", SHIP, 201), ("DELETE", "/api/ships/1", None, 204)],
    "users": [("PATCH", "/api/users/1", {"name": "other name"}, 200)],
    "auth": [("DELETE", "/auth/logout", None, 200)],
}
"""Requests with an access token, and the status of the response if there are users."""


@pytest.fixture(params=["development", "production"])
async def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The arguments of load_settings, with a data file whose users may log in in production."""
    passwords = Passwords(threads=1)
    users = [{"id": 1, "name": "somebody else", "password": await passwords.hash("another password")}]
    passwords.close()
    path = tmp_path / "data.json"
    path.write_bytes(orjson.dumps({"users": users, "ships": [{"id": 1, **SHIP}]}))
    return {"name": request.param, "data": str(path)}


def settings(configuration: dict[str, Any], enabled: list[str], **changes: Any) -> Settings:
    fixed = {"jwt": {"secret": SECRET}, "plugins": {"enabled": enabled}, "access_log": False}
    return load_settings(environ={}, **configuration | fixed | changes)


async def send(client: Client, enabled: list[str], *, users: bool) -> None:
    """Send public requests and requests with a token, and check the status of each response."""
    for path in ("/health/live", "/health/ready", "/api/docs/openapi.json", "/metrics"):
        assert (await client.get(path)).status == 200, path
    for plugin in BUILT_IN:
        for path in PUBLIC[plugin]:
            assert (await client.get(path)).status == (200 if plugin in enabled else 404), path
        for method, path, body, status in PROTECTED[plugin]:
            response = await client.request(method, path, json=body, headers=bearer(client))
            expected = (status if users else 401) if plugin in enabled else 404
            assert response.status == expected, (method, path, await response.text())


@pytest.mark.parametrize("enabled", COMPLETE, ids=",".join)
async def test_a_subset_with_all_required_plugins_serves(configuration: dict[str, Any], enabled: list[str]) -> None:
    async with TestClient(TestServer(create_app(settings(configuration, enabled)))) as client:
        await send(client, enabled, users="users" in enabled)


@pytest.mark.parametrize("enabled", COMPLETE, ids=",".join)
async def test_a_subset_serves_the_records_that_all_plugins_have_stored(
    configuration: dict[str, Any], enabled: list[str], tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/shipyard.db"
    async with TestServer(create_app(settings(configuration, list(BUILT_IN), store=store))):
        pass
    async with TestClient(TestServer(create_app(settings(configuration, enabled, store=store)))) as client:
        await send(client, enabled, users=True)


@pytest.mark.parametrize("enabled", INCOMPLETE, ids=",".join)
async def test_the_error_for_a_subset_names_the_plugin_to_enable(
    configuration: dict[str, Any], enabled: list[str]
) -> None:
    assert await startup_error(settings(configuration, enabled)) == (
        "plugin 'auth' requires 'users', which is not enabled: add 'users' before it to plugins.enabled."
    )


def test_every_subset_is_tested() -> None:
    assert (len(COMPLETE), len(INCOMPLETE)) == (6, 2)
