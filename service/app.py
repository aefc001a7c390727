"""Assemble the application from its settings. Nothing is opened before the application starts."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

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
from service.discovery.entry_points import Found, discover
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
from service.ops.checks import READINESS_CHECKS, ReadinessCheck
from service.ops.metrics import METRICS, Metrics
from service.rest.idempotency import RUNNING
from service.settings.loader import load_settings
from service.settings.schema import ROOT, Settings
from service.store.by_url import store_for

TITLE = "Shipyard"


def create_app(settings: Settings | None = None) -> web.Application:
    """Return the application, not started yet. Raises StartupError if the settings or a plugin are wrong."""
    settings = settings or load_settings()
    found = find_plugins(settings)
    api = _api_document(found.plugins, settings) if settings.docs else {}
    plugins = [*built_in_routes(settings, api), *found.plugins]

    # request_body.py reads the bodies: it limits their size and rejects compressed ones.
    app = web.Application(handler_args={"auto_decompress": False})
    app[SETTINGS], app[PLUGINS], app[SKIPPED] = settings, found.plugins, found.skipped
    app[ERROR_HANDLERS], app[RUNNING] = built_in_handlers(), set()
    request_metrics = Metrics() if settings.metrics else None
    if request_metrics is not None:
        app[METRICS] = request_metrics
    _add_store_and_auth(app, settings)
    app.on_response_prepare.append(add_default_headers)
    app.middlewares.append(middleware(settings, request_metrics, app.on_response_prepare))
    router.register(app.router, [_with_deferred_continue(route) for plugin in plugins for route in plugin.routes])
    app.cleanup_ctx.append(lifespan_of(found.plugins))
    # A plugin's lifespan must not add routes that were not checked, or a middleware around the routes of others.
    app.router.freeze()
    app.middlewares.freeze()
    return app


def _add_store_and_auth(app: web.Application, settings: Settings) -> None:
    app[STORE] = store = store_for(settings.store, ROOT)
    if settings.workers > 1 and not store.shared:
        raise StartupError(
            f"workers = {settings.workers} requires a store that processes can share, SQLite or PostgreSQL, not "
            f"{store.name}."
        )
    secret = signing_secret(settings)
    log_setup.redact_secrets(settings, secret)
    app[PASSWORDS] = passwords = Passwords(settings.passwords.threads)
    app[AUTHENTICATOR] = Authenticator(store, passwords)
    app[TOKENS] = Tokens(settings.jwt, secret)
    app[FINGERPRINT] = Fingerprint(secret)
    app[BLOCKLIST] = Blocklist(store, settings.jwt.leeway_seconds)
    checks: dict[str, ReadinessCheck] = {"store": store.ping, "passwords": passwords.ping}
    app[READINESS_CHECKS] = checks


def find_plugins(settings: Settings) -> Found:
    """Return the plugins to load. Raises StartupError if they conflict with each other or with the built-in routes."""
    found = discover(settings.plugins)
    check_conflicts([*built_in_routes(settings), *found.plugins])
    return found


def built_in_routes(settings: Settings, api: dict[str, Any] | None = None) -> list[Plugin]:
    """Return the built-in routes, in the form of plugins. `api` is the API document that is served."""
    plugins = [_built_in("service", _operation_routes(settings))]
    if settings.docs:
        plugins.append(_built_in("docs", docs_ui.routes(api or {}, TITLE)))
    return plugins


def _operation_routes(settings: Settings) -> list[web.RouteDef]:
    return [*health.routes, *(metrics.routes if settings.metrics else [])]


def _api_document(plugins: tuple[Plugin, ...], settings: Settings) -> dict[str, Any]:
    described = [(plugin.name, route) for plugin in plugins for route in plugin.routes]
    built_in = [("service", route) for route in _operation_routes(settings)]
    return document([*described, *built_in], title=TITLE, version=version("shipyard"))


def _with_deferred_continue(route: web.RouteDef) -> web.RouteDef:
    """Return a route that sends `100 Continue` only when its handler reads the body."""
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": defer_continue})


def _built_in(name: str, routes: list[web.RouteDef]) -> Plugin:
    return Plugin(name, f"shipyard {version('shipyard')}", "service", tuple(routes), (), (), (), None)
