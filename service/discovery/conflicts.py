"""Detect routes and collections that two plugins define. aiohttp itself would silently use the first of two routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from aiohttp import hdrs, web

from service.auth.users import USERS
from service.discovery.plugin import Plugin
from service.errors import StartupError

CANONICAL_VARIABLE = re.compile(r"\{\w+\}")
"""A variable in aiohttp's canonical form of a path, which contains no patterns."""


class Definition(NamedTuple):
    """A route, and the name of the plugin that defines it."""

    plugin: str
    route: web.RouteDef


def check_conflicts(plugins: Sequence[Plugin]) -> None:
    """Raise StartupError if two plugins define the same route or collection, or if aiohttp rejects a route."""
    _check_routes(plugins)
    _check_collections(plugins)


def pattern(path: str) -> str:
    """Return a path without the names and patterns of its variables."""
    return CANONICAL_VARIABLE.sub("{}", web.UrlDispatcher().add_resource(path).canonical)


def _check_routes(plugins: Sequence[Plugin]) -> None:
    router = web.UrlDispatcher()
    paths: dict[str, dict[str, Definition]] = {}
    for plugin in plugins:
        for route in plugin.routes:
            with _rejected_by_aiohttp(plugin.name, route):
                defined = paths.setdefault(pattern(route.path), {})
            for method in _methods(route):
                if (other := _same_method(defined, method)) is not None:
                    raise StartupError(_route_conflict(other, Definition(plugin.name, route)))
                defined[method] = Definition(plugin.name, route)
            with _rejected_by_aiohttp(plugin.name, route):
                route.register(router)


def _same_method(defined: dict[str, Definition], method: str) -> Definition | None:
    """Return the definition that handles requests with `method` too; `*` stands for every method."""
    if method == hdrs.METH_ANY:
        return next(iter(defined.values()), None)
    return defined.get(method) or defined.get(hdrs.METH_ANY)


def _methods(route: web.RouteDef) -> tuple[str, ...]:
    method = route.method.upper()
    if method == hdrs.METH_GET and route.kwargs.get("allow_head", True):
        return (hdrs.METH_GET, hdrs.METH_HEAD)
    return (method,)


def _route_conflict(first: Definition, second: Definition) -> str:
    name, route = second
    if first.plugin == name:
        return f"plugin {name!r} defines {route.method} {route.path} twice; remove one of the two routes."
    return (
        f"the plugins {first.plugin!r} and {name!r} both define {route.method} {route.path} ({first.plugin!r} as "
        f"{first.route.method} {first.route.path}); change one of the routes or disable one of the plugins."
    )


def _check_collections(plugins: Sequence[Plugin]) -> None:
    owners: dict[str, str] = {}
    for plugin in plugins:
        for collection in plugin.collections:
            if collection.name == USERS.name and collection is not USERS:
                raise StartupError(
                    f"plugin {plugin.name!r} defines a collection {USERS.name!r}, which is built in; use "
                    "`from service import USERS`, or choose another name."
                )
            if collection.name in owners:
                raise StartupError(
                    f"the plugins {owners[collection.name]!r} and {plugin.name!r} both define a collection "
                    f"{collection.name!r}; rename one of the collections or disable one of the plugins."
                )
            owners[collection.name] = plugin.name


@contextmanager
def _rejected_by_aiohttp(plugin: str, route: web.RouteDef) -> Iterator[None]:
    """Turn any exception into a StartupError that names the plugin and the route."""
    try:
        yield
    except Exception as error:
        raise StartupError(
            f"plugin {plugin!r}: the route {route.method} {route.path} cannot be registered: {error}"
        ) from error
