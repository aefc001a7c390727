"""The whole assembly on one page: settings -> app. It opens nothing; that begins when the app starts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from aiohttp import web

from service import branch, config, docs_page, health, logs, metrics
from service.accounts import Accounts
from service.blocklist import Blocklist
from service.body import not_yet
from service.conflicts import check_conflicts
from service.discovery import discover
from service.errors import StartError
from service.idempotency import RUNNING
from service.keys import ACCOUNTS, BLOCKLIST, PASSWORDS, PLUGINS, SETTINGS, SKIPPED, STORE, TOKENS
from service.lifespan import lifespan_of
from service.metrics import METRICS, Metrics
from service.middleware import middleware
from service.openapi import document
from service.passwords import Passwords
from service.plugin import Plugin
from service.secret import signing_secret
from service.settings import Settings
from service.store import store_for
from service.tokens import Tokens

TITLE = "Shipyard"


def create_app(settings: Settings | None = None) -> web.Application:
    """The service as an app that is ready to be started. Raises StartError where the settings or a plugin are wrong."""
    settings = settings or config.load()
    found = discover(settings.plugins)
    plugins = [*house(settings, found.plugins), *found.plugins]
    check_conflicts(plugins)

    # Bodies are read by body.py: bounded there, and refused when compressed.
    figures = Metrics() if settings.metrics else None
    app = web.Application(handler_args={"auto_decompress": False})
    app.middlewares.append(middleware(settings, figures, app.on_response_prepare))
    store = store_for(settings.store, Path.cwd())
    if settings.workers > 1 and not store.shared:
        raise StartError(f"workers = {settings.workers} wants a store that processes can share, not {store.name}.")
    app[SETTINGS] = settings
    app[PLUGINS] = found.plugins
    app[SKIPPED] = found.skipped
    app[STORE] = store
    app[PASSWORDS] = Passwords(settings.passwords.threads)
    app[ACCOUNTS] = Accounts(store, app[PASSWORDS])
    secret = signing_secret(settings)
    logs.hide(settings, secret)
    app[TOKENS] = Tokens(settings.jwt, secret)
    app[BLOCKLIST] = Blocklist(store, settings.jwt.leeway_seconds)
    app[RUNNING] = set()
    if figures is not None:
        app[METRICS] = figures
    branch.register(app.router, [_patient(route) for plugin in plugins for route in plugin.routes])
    app.cleanup_ctx.append(lifespan_of(found.plugins))
    # From here on nobody can add a route unseen, or put a middleware of theirs around the routes of others.
    app.router.freeze()
    app.middlewares.freeze()
    return app


def house(settings: Settings, plugins: tuple[Plugin, ...]) -> Iterator[Plugin]:
    """The service's own routes, in the form of plugins."""
    own = [*health.routes, *(metrics.routes if settings.metrics else [])]
    now = version("shipyard")
    yield _own("service", own, now)
    if settings.docs:
        described = [(plugin.name, route) for plugin in plugins for route in plugin.routes]
        api = document([*described, *(("service", route) for route in own)], title=TITLE, version=now)
        yield _own("docs", docs_page.routes(api, TITLE), now)


def _patient(route: web.RouteDef) -> web.RouteDef:
    """A route that asks nobody for a body before its handler wants one."""
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": not_yet})


def _own(name: str, routes: list[web.RouteDef], version: str) -> Plugin:
    return Plugin(name, f"shipyard {version}", "service", tuple(routes), (), (), (), None)
