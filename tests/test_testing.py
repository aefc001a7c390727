"""service/testing.py, as somebody who writes a plugin uses it: in a project of their own."""

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


async def test_anyone_may_look(client):
    answer = await client.get("/api/planets")
    assert (answer.status, await answer.json()) == (200, [])


async def test_only_users_may_change(client, login):
    assert (await client.post("/api/planets", json=HOTH)).status == 401
    for headers in (await login(client), await login(client, "guest", "guest")):
        assert (await client.get("/api/planets", headers=headers)).status == 200
    answer = await client.post("/api/planets", json=HOTH, headers=headers)
    assert (answer.status, await answer.json()) == (201, {"id": 1, **HOTH})


async def test_each_test_has_a_service_of_its_own(client):
    assert await (await client.get("/api/planets")).json() == []


async def test_a_refresh_token_can_be_had_too(client, login):
    answer = await client.post("/auth/refresh", headers=await login(client, token="refresh"))
    assert answer.status == 200


async def test_settings_can_be_chosen(make_client):
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


def test_a_plugin_writer_gets_a_client_of_the_whole_service_and_a_login(
    install: Install, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install("planets", PLANETS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site" / "planets"))
    # What somebody serves with is nothing to the tests.
    monkeypatch.setenv("SHIPYARD_PLUGINS_ENABLED", "ships")
    monkeypatch.setenv("SHIPYARD_STORE", "redis:")
    pytester.makeini(INI)
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess().assert_outcomes(passed=5)
