"""Alive, and able to work: two questions, two answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

import pytest

from service.http.app_keys import STORE
from service.ops import health
from service.store.base import StoreUnavailable
from service.store.memory import MemoryStore
from tests.support.requests import Client, refusal

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]


class Away(MemoryStore):
    """A store that has gone away."""

    async def ping(self) -> None:
        raise StoreUnavailable("postgresql://user:canary@host/db: connection refused")


class Mute(MemoryStore):
    """A store that never answers."""

    asked: ClassVar[list[str]] = []

    async def ping(self) -> None:
        self.asked.append("ping")
        await asyncio.Event().wait()


async def test_a_service_that_runs_is_alive_and_ready(client: Client, store_url: str) -> None:
    answer = await client.get("/health/live")
    assert (answer.status, await answer.json()) == (200, {"status": "live"})
    answer = await client.get("/health/ready")
    kind = store_url.partition(":")[0]
    assert (answer.status, await answer.json()) == (200, {"status": "ready", "store": kind, "plugins_skipped": []})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", [Away, Mute])
async def test_without_its_store_a_service_is_alive_and_not_ready(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, kind: type[MemoryStore]
) -> None:
    monkeypatch.setattr(health, "STORE_SECONDS", 0.01)
    monkeypatch.setattr("service.app.store_for", lambda _url, _root: kind())
    client = await make_client()
    assert isinstance(client.app[STORE], kind)
    assert (await client.get("/health/live")).status == 200
    assert Mute.asked == []
    answer = await client.get("/health/ready")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert (await refusal(answer))["message"] == "Not ready: store."
    Mute.asked.clear()


async def test_what_was_left_out_shows(install: Install, make_client: MakeClient) -> None:
    install("planets", "import nowhere")
    client = await make_client(plugins={"on_error": "skip"})
    answer = await client.get("/health/ready")
    assert (answer.status, (await answer.json())["plugins_skipped"]) == (200, ["planets"])


async def test_neither_answer_asks_who_is_asking(make_client: MakeClient) -> None:
    client = await make_client()
    for path in ("/health/live", "/health/ready"):
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            assert (await client.get(path, headers=headers)).status == 200
        assert (await client.head(path)).status == 200
        assert (await client.post(path)).status == 405
