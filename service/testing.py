"""For the tests of plugins: `pytest_plugins = ["service.testing"]` gives a client of the whole service, and a login.

It wants pytest-aiohttp, and `asyncio_mode = "auto"` in the settings of pytest.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from service.app import create_app
from service.settings.loader import load_settings
from service.settings.schema import Settings

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[..., Awaitable[Client]]
Login = Callable[..., Awaitable[dict[str, str]]]

SECRET = secrets.token_urlsafe(48)
"""The key of this run."""


def settings_for_tests(**changes: Any) -> Settings:
    """Development's settings with their own key and nothing from the environment; `changes` as for load_settings."""
    jwt = {"secret": SECRET, **changes.pop("jwt", {})}
    return load_settings("development", {}, **{"access_log": False, "jwt": jwt, **changes})


@pytest.fixture
def make_client(aiohttp_client: Callable[..., Awaitable[Client]]) -> MakeClient:
    """`await make_client(**settings)`: a client of a service of its own, with all installed plugins."""

    async def make(**changes: Any) -> Client:
        return await aiohttp_client(create_app(settings_for_tests(**changes)))

    return make


@pytest.fixture
async def client(make_client: MakeClient) -> Client:
    """A client of a service in memory, with the example's data."""
    return await make_client()


@pytest.fixture
def login() -> Login:
    """`await login(client, name, password)`: the headers that a request of this user wants."""

    async def log_in(
        client: Client,
        name: str = "user",
        password: str = "password",  # noqa: S107  # the example's, known to all
        token: str = "access",  # noqa: S107  # which of the two
    ) -> dict[str, str]:
        answer = await client.post("/auth/login", json={"username": name, "password": password})
        return {"Authorization": f"Bearer {(await answer.json())[f'{token}_token']}"}

    return log_in
