"""What two plugins cannot both have: a route, a collection. aiohttp itself would let the first one win in silence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web

from service.discovery.plugin import Plugin
from service.errors import StartupError

VARIABLE = re.compile(r"\{\w+\}")


def check_conflicts(plugins: Iterable[Plugin]) -> None:
    """Raises StartupError where a request could be meant for two routes, or a record for two collections.

    So it does for a route that aiohttp refuses, because aiohttp could not say whose it is.
    """
    router = web.UrlDispatcher()
    routes: dict[tuple[str, str], tuple[str, web.RouteDef]] = {}
    collections: dict[str, str] = {}
    for plugin in plugins:
        for route in plugin.routes:
            with _named(plugin.name, route):
                path = pattern(route.path)
            for method in _methods(route):
                _check_route(routes, (method, path), plugin.name, route)
            with _named(plugin.name, route):
                route.register(router)
        for collection in plugin.collections:
            if collection.name in collections:
                raise StartupError(
                    f"the plugins {collections[collection.name]!r} and {plugin.name!r} both keep a collection "
                    f"{collection.name!r}; one of them has to give way."
                )
            collections[collection.name] = plugin.name


def pattern(path: str) -> str:
    """A path without the names and patterns of its variables."""
    return VARIABLE.sub("{}", web.UrlDispatcher().add_resource(path).canonical)


def _check_route(
    routes: dict[tuple[str, str], tuple[str, web.RouteDef]], place: tuple[str, str], plugin: str, route: web.RouteDef
) -> None:
    method, path = place
    for taken in (method, hdrs.METH_ANY) if method != hdrs.METH_ANY else [way for way, at in routes if at == path]:
        if (taken, path) in routes:
            other, first = routes[taken, path]
            raise StartupError(
                f"the plugins {other!r} and {plugin!r} both answer {route.method} {route.path} "
                f"({other!r} as {first.method} {first.path}); one of them has to give way."
            )
    routes[place] = (plugin, route)


def _methods(route: web.RouteDef) -> tuple[str, ...]:
    method = route.method.upper()
    if method == hdrs.METH_GET and route.kwargs.get("allow_head", True):
        return (hdrs.METH_GET, hdrs.METH_HEAD)
    return (method,)


@contextmanager
def _named(plugin: str, route: web.RouteDef) -> Iterator[None]:
    """Say whose route it is that aiohttp refuses."""
    try:
        yield
    except Exception as error:
        raise StartupError(
            f"plugin {plugin!r}: the route {route.method} {route.path} cannot be registered: {error}"
        ) from error
