"""The whole assembly on one page: settings -> app. It opens nothing; that begins when the app starts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from aiohttp import web

from service.auth.app_keys import AUTHENTICATOR, BLOCKLIST, FINGERPRINT, PASSWORDS, TOKENS
from service.auth.fingerprint import Fingerprint
from service.auth.passwords import Passwords
from service.auth.revocation import Blocklist
from service.auth.signing_key import signing_secret
from service.auth.tokens import Tokens
from service.auth.users import Authenticator
from service.discovery.app_keys import PLUGINS, SKIPPED
from service.discovery.conflicts import check_conflicts
from service.discovery.entry_points import discover
from service.discovery.plugin import Plugin
from service.errors import StartupError
from service.http import router
from service.http.app_keys import SETTINGS, STORE
from service.http.error_handlers import ERROR_HANDLERS, built_in_handlers
from service.http.request_body import defer_continue
from service.http.response import add_default_headers
from service.lifespan import lifespan_of
from service.middleware import middleware
from service.openapi import docs_ui, document
from service.ops import health, log_setup, metrics
from service.ops.metrics import METRICS, Metrics
from service.rest.idempotency import RUNNING
from service.settings.loader import load_settings
from service.settings.schema import Settings
from service.store.by_url import store_for

TITLE = "Shipyard"


def create_app(settings: Settings | None = None) -> web.Application:
    """The app of these settings, not started yet. Raises StartupError if the settings or a plugin are wrong."""
    settings = settings or load_settings()
    found = discover(settings.plugins)
    plugins = [*built_in_routes(settings, found.plugins), *found.plugins]
    check_conflicts(plugins)

    # Bodies are read by body.py: bounded there, and refused when compressed.
    figures = Metrics() if settings.metrics else None
    app = web.Application(handler_args={"auto_decompress": False})
    app.on_response_prepare.append(add_default_headers)
    app.middlewares.append(middleware(settings, figures, app.on_response_prepare))
    store = store_for(settings.store, Path.cwd())
    if settings.workers > 1 and not store.shared:
        raise StartupError(f"workers = {settings.workers} wants a store that processes can share, not {store.name}.")
    app[SETTINGS] = settings
    app[PLUGINS] = found.plugins
    app[SKIPPED] = found.skipped
    app[STORE] = store
    app[PASSWORDS] = Passwords(settings.passwords.threads)
    app[AUTHENTICATOR] = Authenticator(store, app[PASSWORDS])
    secret = signing_secret(settings)
    log_setup.hide(settings, secret)
    app[TOKENS] = Tokens(settings.jwt, secret)
    app[FINGERPRINT] = Fingerprint(secret)
    app[ERROR_HANDLERS] = built_in_handlers()
    app[BLOCKLIST] = Blocklist(store, settings.jwt.leeway_seconds)
    app[RUNNING] = set()
    if figures is not None:
        app[METRICS] = figures
    router.register(app.router, [_patient(route) for plugin in plugins for route in plugin.routes])
    app.cleanup_ctx.append(lifespan_of(found.plugins))
    # From here on nobody can add a route unseen, or put a middleware of theirs around the routes of others.
    app.router.freeze()
    app.middlewares.freeze()
    return app


def built_in_routes(settings: Settings, plugins: tuple[Plugin, ...]) -> Iterator[Plugin]:
    """The service's own routes, in the form of plugins."""
    own = [*health.routes, *(metrics.routes if settings.metrics else [])]
    now = version("shipyard")
    yield _own("service", own, now)
    if settings.docs:
        described = [(plugin.name, route) for plugin in plugins for route in plugin.routes]
        api = document([*described, *(("service", route) for route in own)], title=TITLE, version=now)
        yield _own("docs", docs_ui.routes(api, TITLE), now)


def _patient(route: web.RouteDef) -> web.RouteDef:
    """A route that asks nobody for a body before its handler wants one."""
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": defer_continue})


def _own(name: str, routes: list[web.RouteDef], version: str) -> Plugin:
    return Plugin(name, f"shipyard {version}", "service", tuple(routes), (), (), (), None)
