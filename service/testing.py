"""Fixtures for the tests of plugins: `pytest_plugins = ["service.testing"]` provides `client`, `make_client`, `login`.

They require pytest-aiohttp, and `asyncio_mode = "auto"` in pytest's configuration.
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
"""The signing key of this test run."""


def settings_for_tests(**changes: Any) -> Settings:
    """Return the settings of development with a random signing key, without those of the environment.

    changes: as for load_settings.
    """
    jwt = {"secret": SECRET, **changes.pop("jwt", {})}
    return load_settings("development", {}, **{"access_log": False, "jwt": jwt, **changes})


@pytest.fixture
def make_client(aiohttp_client: Callable[..., Awaitable[Client]]) -> MakeClient:
    """`await make_client(**settings)` returns a client of a new service with all installed plugins."""

    async def make(**changes: Any) -> Client:
        return await aiohttp_client(create_app(settings_for_tests(**changes)))

    return make


@pytest.fixture
async def client(make_client: MakeClient) -> Client:
    """A client of a new service in memory, with the records of data.json."""
    return await make_client()


@pytest.fixture
def login() -> Login:
    """`await login(client, name, password)` returns the headers for requests of this user."""

    async def log_in(
        client: Client,
        name: str = "user",
        password: str = "password",  # noqa: S107  # the password of the demo user
        token: str = "access",  # noqa: S107  # the type of the token
    ) -> dict[str, str]:
        response = await client.post("/auth/login", json={"username": name, "password": password})
        return {"Authorization": f"Bearer {(await response.json())[f'{token}_token']}"}

    return log_in
