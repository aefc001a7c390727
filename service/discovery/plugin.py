"""A plugin, as read from its module: what it must have, what it may have, and what each has to be."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageMetadata
from types import ModuleType
from typing import Any

from aiohttp import web

from service.auth.permissions import rule_of
from service.errors import StartupError
from service.rest.resource import Resource
from service.store.base import Collection

API_VERSION = 1
"""Of what the front door offers; a plugin that needs another says so in `api_version`."""

ID = re.compile(r"\{id[:}]")

Lifespan = Callable[[web.Application], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a plugin brings. `source` is where it comes from: the distribution and its version."""

    name: str
    source: str
    module: str
    routes: tuple[web.RouteDef, ...]
    resources: tuple[Resource, ...]
    collections: tuple[Collection, ...]
    requires: tuple[str, ...]
    lifespan: Lifespan | None


def read(entry_point: EntryPoint, module: ModuleType) -> Plugin:
    """The plugin that a module is. Raises StartupError that names the plugin and the fault."""
    name = entry_point.name
    if not isinstance(module, ModuleType):
        raise StartupError(f"plugin {name!r}: {entry_point.value} is no module; the entry point must name one.")
    version = getattr(module, "api_version", API_VERSION)
    if version != API_VERSION:
        raise StartupError(f"plugin {name!r} wants API version {version!r} of Shipyard; this is version {API_VERSION}.")
    if not hasattr(module, "routes"):
        raise StartupError(f"plugin {name!r}: {entry_point.value} has no `routes`.")
    routes = _items(name, module, "routes", web.RouteDef)
    for route in routes:
        _check(name, route)
    resources = dict.fromkeys(
        it for route in routes if isinstance(it := getattr(route.handler, "resource", 0), Resource)
    )
    own = [resource.collection for resource in resources]
    return Plugin(
        name=name,
        source=_source(entry_point),
        module=entry_point.value,
        routes=routes,
        resources=tuple(resources),
        collections=tuple(dict.fromkeys([*own, *_items(name, module, "collections", Collection)])),
        requires=_items(name, module, "requires", str),
        lifespan=_lifespan(name, module),
    )


def distribution(entry_point: EntryPoint) -> str:
    """The name of the distribution that an entry point comes from."""
    return "unknown" if entry_point.dist is None else _fact(entry_point.dist.metadata, "Name")


def _items(name: str, module: ModuleType, attribute: str, type: type[Any]) -> tuple[Any, ...]:
    value = getattr(module, attribute, ())
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise StartupError(f"plugin {name!r}: `{attribute}` is no list of {type.__name__}.")
    items = tuple(value)
    for item in items:
        if not isinstance(item, type):
            raise StartupError(f"plugin {name!r}: `{attribute}` holds {item!r}, which is no {type.__name__}.")
    return items


def _check(name: str, route: web.RouteDef) -> None:
    rule = rule_of(route.handler)
    if rule is None:
        raise StartupError(
            f"plugin {name!r}: the route {route.method} {route.path} does not state who may use it; "
            "put a rule of access above its handler: @public, @user, @owner or @refresh."
        )
    if rule.own and ID.search(route.path) is None:
        raise StartupError(f"plugin {name!r}: the route {route.method} {route.path} is for owners, but has no {{id}}.")
    if rule.own and rule.token is None:
        raise StartupError(
            f"plugin {name!r}: the route {route.method} {route.path} is for owners, but asks for no token."
        )


def _lifespan(name: str, module: ModuleType) -> Lifespan | None:
    lifespan = getattr(module, "lifespan", None)
    if lifespan is None:
        return None
    if not callable(lifespan) or inspect.iscoroutinefunction(lifespan) or inspect.isgeneratorfunction(lifespan):
        raise StartupError(f"plugin {name!r}: `lifespan` is no asynchronous context manager of one app.")
    return asynccontextmanager(lifespan) if inspect.isasyncgenfunction(lifespan) else lifespan


def _source(entry_point: EntryPoint) -> str:
    if entry_point.dist is None:
        return "unknown"
    about = entry_point.dist.metadata  # read from its file at each use
    return f"{_fact(about, 'Name')} {_fact(about, 'Version')}"


def _fact(about: PackageMetadata, name: str) -> str:
    # Asked for what it lacks, metadata answers None or raises KeyError, depending on the Python; its type has no `get`.
    return about[name] if name in about else "unknown"  # noqa: SIM401
