"""The lifespans of plugins: order, errors on entering and exiting, cancellation."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.app import create_app
from service.http.server import Runner
from service.settings.schema import Settings
from service.testing import settings_for_tests
from tests.support.program import startup_error
from tests.support.requests import Client

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]


@pytest.fixture
def settings(data_file: Path) -> Settings:
    return settings_for_tests(data=str(data_file))


LIFESPAN = """
import logging

log = logging.getLogger("test")
routes = []

async def lifespan(app):
    log.info("NAME enters")
    yield
    log.info("NAME exits")
"""


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """`logged()` returns the messages of the lifespans in order."""
    caplog.set_level("INFO", "test")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "test"]


async def test_lifespans_are_exited_in_reverse_order(
    install: Install, make_client: MakeClient, logged: Callable[[], list[str]]
) -> None:
    install("one", LIFESPAN.replace("NAME", "one"))
    as_context = LIFESPAN.replace(
        "async def", "from contextlib import asynccontextmanager\n@asynccontextmanager\nasync def"
    )
    install("two", as_context.replace("NAME", "two"))
    client = await make_client()
    assert logged() == ["one enters", "two enters"]
    await client.close()
    assert logged()[2:] == ["two exits", "one exits"]


async def test_the_store_is_open_and_filled_while_a_lifespan_is_entered_and_exited(
    install: Install, make_client: MakeClient, logged: Callable[[], list[str]]
) -> None:
    code = """
        import logging
        from service import STORE, USERS

        log = logging.getLogger("test")
        routes = []

        async def lifespan(app):
            log.info("entering: %s", (await app[STORE].lookup(USERS, "guest")).id)
            yield
            log.info("exiting: %s", (await app[STORE].lookup(USERS, "guest")).id)
    """
    install("planets", code)
    client = await make_client()
    assert logged() == ["entering: 2"]
    await client.close()
    assert logged() == ["entering: 2", "exiting: 2"]


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        ("raise ValueError('no')", "ValueError: no (two.py, line 9)"),
        ("raise SystemExit(3)", "SystemExit: 3 (two.py, line 9)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (two.py, line 9)"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError (two.py, line 9)"),
        ("return", "RuntimeError: generator didn't yield (two.py, line 7)"),
    ],
)
async def test_an_error_on_entering_stops_the_start_and_exits_the_others(
    install: Install, settings: Settings, logged: Callable[[], list[str]], opening: str, reason: str
) -> None:
    install("one", LIFESPAN.replace("NAME", "one"))
    install("two", LIFESPAN.replace("NAME", "two").replace("yield", f"{opening}\n    yield"))
    install("zoo", LIFESPAN.replace("NAME", "zoo"))
    assert await startup_error(settings) == f"plugin 'two' cannot start: {reason}."
    assert logged() == ["one enters", "two enters", "one exits"]


async def test_starting_and_stopping_can_be_cancelled(
    install: Install, settings: Settings, logged: Callable[[], list[str]]
) -> None:
    hang = "log.info('it waits'); import asyncio; await asyncio.Event().wait()"
    install("one", LIFESPAN.replace("NAME", "one"))
    install("two", LIFESPAN.replace("NAME", "two").replace("    yield", f"    {hang}\n    yield"))
    install("zoo", f"{LIFESPAN.replace('NAME', 'zoo')}    {hang}\n")
    for names, last in ((["users", "one", "two"], "setup"), (["users", "one", "zoo"], "cleanup")):
        before = len(logged())
        plugins = dataclasses.replace(settings.plugins, enabled=names)
        runner = Runner(create_app(dataclasses.replace(settings, plugins=plugins)))
        if last == "cleanup":
            await runner.setup()
        task = asyncio.create_task(getattr(runner, last)())
        while "it waits" not in logged()[before:]:  # noqa: ASYNC110  # what it waits for is a line of the log
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert logged()[-1] == "one exits"
        await runner.cleanup()


async def test_a_lifespan_that_takes_no_app_is_an_error(install: Install, settings: Settings) -> None:
    install("planets", LIFESPAN.replace("(app)", "()"))
    error = await startup_error(settings)
    assert error.startswith("plugin 'planets' cannot start: TypeError: lifespan() takes 0")
    assert error.endswith(" (planets.py, line 7).")


@pytest.mark.parametrize(
    "closing",
    [
        "raise ValueError('canary')",
        "raise SystemExit('canary')",
        "import asyncio; raise asyncio.CancelledError('canary')",
        "yield",
        "import asyncio; await asyncio.Event().wait()",
    ],
)
async def test_an_error_on_exiting_is_logged_and_the_others_are_exited(
    install: Install,
    make_client: MakeClient,
    logged: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    closing: str,
) -> None:
    install("one", LIFESPAN.replace("NAME", "one"))
    install("two", f"{LIFESPAN.replace('NAME', 'two')}    {closing}\n")
    install("zoo", LIFESPAN.replace("NAME", "zoo"))
    client = await make_client(limits={"stop_seconds": 0.1})
    await client.close()
    assert logged()[3:] == ["zoo exits", "two exits", "one exits"]
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == "plugin 'two' did not stop cleanly"


async def test_a_lifespan_cannot_add_a_middleware(install: Install, settings: Settings) -> None:
    code = """
        routes = []

        async def lifespan(app):
            app.middlewares.append(None)
            yield
    """
    install("planets", code)
    assert (await startup_error(settings)).startswith("plugin 'planets' cannot start: RuntimeError: ")


async def test_a_lifespan_cannot_add_a_route(install: Install, settings: Settings) -> None:
    code = """
        from aiohttp import web
        from service import public
        routes = []

        @public
        async def steal(request):
            return web.Response(text="mine")

        async def lifespan(app):
            app.router.add_get("/api/planets", steal)
            yield
    """
    install("planets", code)
    assert (await startup_error(settings)).startswith("plugin 'planets' cannot start: RuntimeError: ")
