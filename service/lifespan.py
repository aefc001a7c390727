"""What is open while the service runs: password threads, store, purge task, plugins. Closed in reverse order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from aiohttp import web

from service.auth.app_keys import AUTHENTICATOR, BLOCKLIST, PASSWORDS
from service.data.seed import seed
from service.discovery.failure import describe_failure
from service.discovery.plugin import Lifespan, Plugin
from service.discovery.registry import collections_of, import_targets
from service.errors import StartupError
from service.http.app_keys import SETTINGS, STORE
from service.store.base import StoreError

log = logging.getLogger("shipyard")


def lifespan_of(plugins: Sequence[Plugin]) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the cleanup context of an app with these plugins."""

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(app[PASSWORDS].close)
            await _open_store(app, plugins, stack)
            await _reject_demo_users(app)
            for plugin in plugins:
                if plugin.lifespan is not None:
                    await stack.enter_async_context(_plugin_lifespan(plugin, plugin.lifespan, app))
            yield

    return lifespan


async def _open_store(app: web.Application, plugins: Sequence[Plugin], stack: AsyncExitStack) -> None:
    store = app[STORE]
    stack.push_async_callback(store.close)
    try:
        await store.open(collections_of(plugins))
        await seed(app, import_targets(plugins))
    except StoreError as error:
        raise StartupError(f"store {store.name}: {str(error) or type(error).__name__}") from error
    await stack.enter_async_context(_purge_task(app))


@asynccontextmanager
async def _purge_task(app: web.Application) -> AsyncIterator[None]:
    """Remove expired revocations in the background."""
    task = asyncio.create_task(app[BLOCKLIST].purge(), name="purge")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _reject_demo_users(app: web.Application) -> None:
    """Raise StartupError in production if users of the example can log in, unless allow_demo_users is set."""
    settings = app[SETTINGS]
    if settings.production and not settings.allow_demo_users and (names := await app[AUTHENTICATOR].demo_users()):
        raise StartupError(
            f"production: the example's users can log in with their well-known passwords: {', '.join(names)}. Remove "
            "them, fill the store from a file of your own (SHIPYARD_DATA), or set SHIPYARD_ALLOW_DEMO_USERS=true."
        )


@asynccontextmanager
async def _plugin_lifespan(plugin: Plugin, lifespan: Lifespan, app: web.Application) -> AsyncIterator[None]:
    """Enter and exit the lifespan of a plugin. An error on entering is a StartupError, one on exiting is logged."""
    try:
        context = lifespan(app)
        await context.__aenter__()
    except BaseException as error:
        if _is_our_cancellation(error):
            raise
        failure = describe_failure(error, plugin.module, lifespan)
        raise StartupError(f"plugin {plugin.name!r} cannot start: {failure}.") from error
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(app[SETTINGS].limits.stop_seconds):
                await context.__aexit__(None, None, None)
        except BaseException as error:
            if _is_our_cancellation(error):
                raise
            log.exception("plugin %r did not stop cleanly", plugin.name)


def _is_our_cancellation(error: BaseException) -> bool:
    """Return whether this task is being cancelled. Any other exception, even SystemExit, comes from the plugin."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
