"""A plugin: its attributes, read from its module and validated."""

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
"""The version of the public API (`from service import ...`); a plugin may state in `api_version` which it requires."""

ID_VARIABLE = re.compile(r"\{id[:}]")

Lifespan = Callable[[web.Application], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Plugin:
    """The attributes of a plugin. `source` is the distribution that it comes from, with its version."""

    name: str
    source: str
    module: str
    routes: tuple[web.RouteDef, ...]
    resources: tuple[Resource, ...]
    collections: tuple[Collection, ...]
    requires: tuple[str, ...]
    lifespan: Lifespan | None


def read(entry_point: EntryPoint, module: ModuleType) -> Plugin:
    """Return the plugin in a module. Raises StartupError if one of its attributes is missing or wrong."""
    name = entry_point.name
    if not isinstance(module, ModuleType):
        raise StartupError(f"plugin {name!r}: {entry_point.value} is not a module; the entry point must name a module.")
    version = getattr(module, "api_version", API_VERSION)
    if version != API_VERSION:
        raise StartupError(
            f"plugin {name!r} requires version {version!r} of the plugin API; this Shipyard has version {API_VERSION}."
        )
    if not hasattr(module, "routes"):
        raise StartupError(f"plugin {name!r}: {entry_point.value} has no `routes`.")
    routes = _items(name, module, "routes", web.RouteDef)
    for route in routes:
        _check_access_rule(name, route)
    resources = dict.fromkeys(
        it for route in routes if isinstance(it := getattr(route.handler, "resource", 0), Resource)
    )
    of_resources = [resource.collection for resource in resources]
    return Plugin(
        name=name,
        source=_source(entry_point),
        module=entry_point.value,
        routes=routes,
        resources=tuple(resources),
        collections=tuple(dict.fromkeys([*of_resources, *_items(name, module, "collections", Collection)])),
        requires=_items(name, module, "requires", str),
        lifespan=_lifespan(name, module),
    )


def distribution(entry_point: EntryPoint) -> str:
    """Return the name of the distribution that an entry point comes from."""
    return "unknown" if entry_point.dist is None else _value(entry_point.dist.metadata, "Name")


def _items(name: str, module: ModuleType, attribute: str, type: type[Any]) -> tuple[Any, ...]:
    value = getattr(module, attribute, ())
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise StartupError(f"plugin {name!r}: `{attribute}` is not a list of {type.__name__}.")
    items = tuple(value)
    for item in items:
        if not isinstance(item, type):
            raise StartupError(f"plugin {name!r}: `{attribute}` contains {item!r}, which is not a {type.__name__}.")
    return items


def _check_access_rule(name: str, route: web.RouteDef) -> None:
    rule = rule_of(route.handler)
    if rule is None:
        raise StartupError(
            f"plugin {name!r}: the route {route.method} {route.path} has no access rule; "
            "decorate its handler with @public, @user, @owner or @refresh."
        )
    if rule.own and ID_VARIABLE.search(route.path) is None:
        raise StartupError(
            f"plugin {name!r}: the route {route.method} {route.path} is restricted to the owner, but its path has no "
            "{id}."
        )
    if rule.own and rule.token is None:
        raise StartupError(
            f"plugin {name!r}: the route {route.method} {route.path} is restricted to the owner, but requires no token."
        )


def _lifespan(name: str, module: ModuleType) -> Lifespan | None:
    lifespan = getattr(module, "lifespan", None)
    if lifespan is None:
        return None
    if not callable(lifespan) or inspect.iscoroutinefunction(lifespan) or inspect.isgeneratorfunction(lifespan):
        raise StartupError(f"plugin {name!r}: `lifespan` is not an asynchronous context manager that takes the app.")
    return asynccontextmanager(lifespan) if inspect.isasyncgenfunction(lifespan) else lifespan


def _source(entry_point: EntryPoint) -> str:
    if entry_point.dist is None:
        return "unknown"
    metadata = entry_point.dist.metadata  # a property that reads its file each time
    return f"{_value(metadata, 'Name')} {_value(metadata, 'Version')}"


def _value(metadata: PackageMetadata, name: str) -> str:
    # A missing name is None or raises KeyError, depending on the version of Python; PackageMetadata has no `get`.
    return metadata[name] if name in metadata else "unknown"  # noqa: SIM401
