"""service/testing.py, as the author of a plugin uses it: in a separate project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.planets import PLANETS

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["pytester", "tests.support.distributions"]

TESTS = """
pytest_plugins = ["service.testing"]

HOTH = {"name": "Hoth", "climate": "frozen"}


async def test_reading_is_public(client):
    response = await client.get("/api/planets")
    assert (response.status, await response.json()) == (200, [])


async def test_writing_requires_a_user(client, login):
    assert (await client.post("/api/planets", json=HOTH)).status == 401
    for headers in (await login(client), await login(client, "guest", "guest")):
        assert (await client.get("/api/planets", headers=headers)).status == 200
    response = await client.post("/api/planets", json=HOTH, headers=headers)
    assert (response.status, await response.json()) == (201, {"id": 1, **HOTH})


async def test_each_test_has_a_new_service(client):
    assert await (await client.get("/api/planets")).json() == []


async def test_login_can_return_a_refresh_token(client, login):
    response = await client.post("/auth/refresh", headers=await login(client, token="refresh"))
    assert response.status == 200


async def test_settings_can_be_changed(make_client):
    client = await make_client(limits={"body_bytes": 1024}, plugins={"planets": {"far": 1}, "enabled": ["planets"]})
    assert (await client.get("/api/planets")).status == 200
    assert (await client.get("/api/ships")).status == 404
"""


INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


def test_the_fixtures_provide_clients_of_the_service_and_a_login(
    install: Install, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install("planets", PLANETS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site" / "planets"))
    # Settings of the environment do not affect tests.
    monkeypatch.setenv("SHIPYARD_PLUGINS_ENABLED", "ships")
    monkeypatch.setenv("SHIPYARD_STORE", "redis:")
    pytester.makeini(INI)
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess().assert_outcomes(passed=5)
