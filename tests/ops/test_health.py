"""Health endpoints: whether the process runs, and whether all readiness checks succeed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

import pytest

from service.auth.app_keys import PASSWORDS
from service.http.app_keys import STORE
from service.ops import health
from service.ops.checks import READINESS_CHECKS, failed_checks
from service.store.base import StoreUnavailable
from service.store.memory import MemoryStore
from tests.support.requests import Client, error_body

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]


class UnreachableStore(MemoryStore):
    """A store that cannot be reached."""

    async def ping(self) -> None:
        raise StoreUnavailable("postgresql://user:canary@host/db: connection refused")


class HangingStore(MemoryStore):
    """A store that does not respond."""

    pings: ClassVar[list[str]] = []

    async def ping(self) -> None:
        self.pings.append("ping")
        await asyncio.Event().wait()


async def test_a_running_service_is_live_and_ready(client: Client, store_url: str) -> None:
    response = await client.get("/health/live")
    assert (response.status, await response.json()) == (200, {"status": "live"})
    response = await client.get("/health/ready")
    kind = store_url.partition(":")[0]
    assert (response.status, await response.json()) == (200, {"status": "ready", "store": kind, "plugins_skipped": []})
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(UnreachableStore, "StoreUnavailable: postgresql://"), (HangingStore, "no result within 0.01 s")],
)
async def test_without_its_store_a_service_is_live_and_not_ready(
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: type[MemoryStore],
    reason: str,
) -> None:
    monkeypatch.setattr(health, "TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr("service.app.store_for", lambda _url, _root: kind())
    client = await make_client()
    assert isinstance(client.app[STORE], kind)
    assert (await client.get("/health/live")).status == 200
    assert HangingStore.pings == []
    response = await client.get("/health/ready")
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert (await error_body(response))["message"] == "Not ready: store."
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage().startswith(f"not ready: store: {reason}")
    HangingStore.pings.clear()


PLUGIN = """
from service import READINESS_CHECKS
routes = []
error = ConnectionError("canary")

async def ping():
    if error is not None:
        raise error

async def lifespan(app):
    app[READINESS_CHECKS]["nats"] = ping
    yield
"""


async def test_a_service_is_not_ready_while_the_check_of_a_plugin_fails(
    install: Install, make_client: MakeClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = install("events", PLUGIN)
    client = await make_client()
    response = await client.get("/health/ready")
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert (await error_body(response))["message"] == "Not ready: nats."
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage() == "not ready: nats: ConnectionError: canary"
    monkeypatch.setattr(f"{module}.error", None)
    assert (await client.get("/health/ready")).status == 200


async def test_the_message_contains_all_checks_that_fail_in_alphabetical_order(make_client: MakeClient) -> None:
    client = await make_client()
    checks = client.app[READINESS_CHECKS]
    assert set(checks) == {"store", "passwords"}
    client.app[PASSWORDS].close()

    async def fail() -> None:
        raise OSError

    checks |= {"nats": fail, "ldap": fail}
    response = await client.get("/health/ready")
    assert (response.status, (await error_body(response))["message"]) == (503, "Not ready: ldap, nats, passwords.")


async def test_checks_run_concurrently_and_no_longer_than_the_timeout() -> None:
    both = asyncio.Barrier(2)

    async def ignore_cancellation() -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    started = time.monotonic()
    reasons = await failed_checks({"one": both.wait, "two": both.wait, "slow": ignore_cancellation}, 0.05)
    assert reasons == {"slow": "no result within 0.05 s"}
    assert time.monotonic() - started < 0.9


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), ValueError("no")])
async def test_a_check_may_raise_any_exception(error: BaseException) -> None:
    async def fail() -> None:
        raise error

    def fail_at_once() -> Awaitable[None]:
        raise error

    reasons = await failed_checks({"one": fail, "two": fail_at_once}, 1)
    assert reasons.keys() == {"one", "two"}
    assert all(reason.startswith(type(error).__name__) for reason in reasons.values())


async def test_without_checks_nothing_fails() -> None:
    assert await failed_checks({}, 1) == {}


async def test_skipped_plugins_are_listed(install: Install, make_client: MakeClient) -> None:
    install("planets", "import nowhere")
    client = await make_client(plugins={"on_error": "skip"})
    response = await client.get("/health/ready")
    assert (response.status, (await response.json())["plugins_skipped"]) == (200, ["planets"])


async def test_health_endpoints_require_no_token(make_client: MakeClient) -> None:
    client = await make_client()
    for path in ("/health/live", "/health/ready"):
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            assert (await client.get(path, headers=headers)).status == 200
        assert (await client.head(path)).status == 200
        assert (await client.post(path)).status == 405
