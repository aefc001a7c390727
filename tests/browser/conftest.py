"""A headless browser, and the service on a socket: directly, and behind a proxy that strips a path prefix."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from service.app import create_app
from service.settings.loader import load_settings

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # it is not available to root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1600",
)
PREFIX = "/prefix"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = installed("chromium")
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "about:blank"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options, Service(installed("chromedriver"))) as driver:
        yield driver


def installed(program: str) -> str:
    """Return the path of a program; without one, Selenium would try to download it."""
    path = shutil.which(program)
    if path is None:
        pytest.exit(f"{program} is missing; on Debian: apt-get install --yes chromium chromium-driver", returncode=1)
    return path


@pytest.fixture(scope="session", params=["direct", "behind a prefix"])
def service_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a running service with the records of data.json."""
    with running(served() if request.param == "direct" else proxied()) as url:
        yield url


@contextmanager
def running(server: AbstractAsyncContextManager[str]) -> Iterator[str]:
    """Run a server on another thread: this one blocks while it waits for the browser."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    settings = load_settings("development", {"SHIPYARD_JWT_SECRET": secrets.token_urlsafe(48)})
    async with TestServer(create_app(settings)) as server:
        yield str(server.make_url("/")).rstrip("/")


@asynccontextmanager
async def proxied() -> AsyncIterator[str]:
    async with served() as inner, aiohttp.ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            url = inner + request.path_qs.removeprefix(PREFIX)
            async with session.request(request.method, url, headers=request.headers, data=request.content) as response:
                return web.Response(status=response.status, headers=response.headers, body=await response.read())

        proxy = web.Application()
        proxy.router.add_route("*", PREFIX + "/{path:.*}", forward)
        async with TestServer(proxy) as outer:
            yield str(outer.make_url(PREFIX))
