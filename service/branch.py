"""Routes behind variables, found in one look-up however many there are; aiohttp tries what begins alike one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from aiohttp import web

# What surely matches no slash: `\d+`, `[a-z0-9-]+`, `[1-9][0-9]{0,15}`.
PLAIN = r"(?:(?:\\[dw]|\[(?:\w-\w|\w)+-?\])(?:[+*?]|\{\d*,?\d*\})?)+"
VARIABLE = re.compile(rf"\{{[A-Za-z_]\w*(?::{PLAIN})?\}}", re.ASCII)
DEEP = re.compile(r"(?:/[\w.~-]+)*/\{\}(?:/(?:[\w.~-]+|\{\}))+", re.ASCII)
"""Something behind a variable, and all variables whole parts. A record itself is found as quickly by aiohttp."""

Places = tuple[int, ...]
"""The parts of a path that are fixed, counted between its slashes."""


class Branch(web.AbstractResource):
    """The routes behind one fixed path and a variable, such as `/api/ships/{id}/crew`, as resources of aiohttp."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._router = web.UrlDispatcher()
        self._places: dict[int, dict[Places, None]] = {}  # by the number of parts
        self._resources: dict[tuple[Places, tuple[str, ...]], dict[web.AbstractResource, None]] = {}

    def add(self, route: web.RouteDef) -> None:
        """Take a route in."""
        for made in route.register(self._router):
            if made.resource is not None:
                self._index(made.resource)

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        """The route of a request, or the methods that its path has."""
        parts = request.rel_url.path_safe.split("/")
        methods: set[str] = set()
        for places in self._places.get(len(parts), ()):
            for resource in self._resources.get((places, tuple(parts[place] for place in places)), ()):
                match, allowed = await resource.resolve(request)
                if match is not None:
                    return match, allowed
                methods |= allowed
        return None, methods

    @property
    def canonical(self) -> str:
        """The path where aiohttp looks for it."""
        return self._path

    def add_prefix(self, prefix: str) -> None:
        """Stand below another path."""
        self._path = prefix + self._path
        self._places.clear()
        self._resources.clear()
        for resource in self._router.resources():
            resource.add_prefix(prefix)
            self._index(resource)

    def get_info(self) -> Any:
        """What it is, for introspection."""
        return {"prefix": self._path}

    def raw_match(self, path: str) -> bool:  # noqa: ARG002  # aiohttp asks whether it may add a route of its own here
        """Never: its routes come by `add`."""
        return False

    def url_for(self, **parts: str) -> NoReturn:
        """It has many URLs, and none of its own."""
        raise TypeError(f"below {self._path} are many routes; {parts} could mean any of them")

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(self._router.routes())

    def __len__(self) -> int:
        return len(self._router.routes())

    def _index(self, resource: web.AbstractResource) -> None:
        parts = resource.canonical.split("/")
        places = tuple(place for place, part in enumerate(parts) if not part.startswith("{"))
        fixed = tuple(parts[place] for place in places)
        self._places.setdefault(len(parts), {})[places] = None
        self._resources.setdefault((places, fixed), {})[resource] = None


def register(router: web.UrlDispatcher, routes: Iterable[web.RouteDef]) -> None:
    """Add routes to a router, in branches what can be. Where two answer a path, the first one does, or its branch."""
    branches: dict[str, Branch] = {}
    for route in routes:
        if route.kwargs.get("name") or not DEEP.fullmatch(VARIABLE.sub("{}", route.path)):
            route.register(router)
            continue
        root = route.path.partition("/{")[0]
        if root not in branches:
            branches[root] = Branch(root)
            router.register_resource(branches[root])
        branches[root].add(route)
