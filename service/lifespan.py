"""What is open while the service runs: store, data, purge and plugins; closed in reverse, whatever goes wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from aiohttp import web

from service.auth.app_keys import AUTHENTICATOR, BLOCKLIST, PASSWORDS
from service.data.seed import seed
from service.discovery.plugin import Lifespan, Plugin
from service.discovery.registry import keepers
from service.errors import StartupError
from service.http.app_keys import SETTINGS, STORE
from service.store.base import StoreUnavailable, StoreUnusable

log = logging.getLogger("shipyard")


def lifespan_of(plugins: Sequence[Plugin]) -> Callable[[web.Application], AsyncIterator[None]]:
    """The clean-up context of an app with these plugins."""

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(app[PASSWORDS].close)
            await _open_store(app, plugins, stack)
            await _refuse_demo_users(app)
            for plugin in plugins:
                if plugin.lifespan is not None:
                    await stack.enter_async_context(_guarded(plugin.name, plugin.lifespan, app))
            yield

    return lifespan


async def _open_store(app: web.Application, plugins: Sequence[Plugin], stack: AsyncExitStack) -> None:
    store = app[STORE]
    collections = [collection for plugin in plugins for collection in plugin.collections]
    stack.push_async_callback(store.close)
    try:
        await store.open(collections)
        await seed(app, keepers(plugins))
    except (StoreUnusable, StoreUnavailable) as error:
        raise StartupError(f"store {store.name}: {error}") from error
    await stack.enter_async_context(_purging(app))


@asynccontextmanager
async def _purging(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[BLOCKLIST].purge(), name="purge")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _refuse_demo_users(app: web.Application) -> None:
    settings = app[SETTINGS]
    if settings.production and not settings.allow_demo_users and (names := await app[AUTHENTICATOR].demo_users()):
        raise StartupError(
            f"production: the example's users can log in with their well-known passwords: {', '.join(names)}. Remove "
            "them, fill the store from a file of your own (SHIPYARD_DATA), or set SHIPYARD_ALLOW_DEMO_USERS=true."
        )


@asynccontextmanager
async def _guarded(name: str, lifespan: Lifespan, app: web.Application) -> AsyncIterator[None]:
    """A plugin's lifespan: failing to open stops the start, failing to close stops nothing else."""
    try:
        context = lifespan(app)
        await context.__aenter__()
    except BaseException as error:
        if _is_ours(error):
            raise
        raise StartupError(f"plugin {name!r} cannot start: {type(error).__name__}: {error}") from error
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(app[SETTINGS].limits.stop_seconds):
                await context.__aexit__(None, None, None)
        except BaseException as error:
            if _is_ours(error):
                raise
            log.exception("plugin %r did not stop cleanly", name)


def _is_ours(error: BaseException) -> bool:
    """Whether somebody cancels this task. Whatever else comes out of a plugin, SystemExit too, is the plugin's."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
