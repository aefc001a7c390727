"""Routes of records, found in one look-up however many there are; aiohttp tries what begins alike one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from aiohttp import hdrs, web

# What surely matches no slash: `\d+`, `[a-z0-9-]+`, `[1-9][0-9]{0,15}`.
PLAIN = r"(?:(?:\\[dw]|\[(?:\w-\w|\w)+-?\])(?:[+*?]|\{\d*,?\d*\})?)+"
VARIABLE = re.compile(rf"\{{[A-Za-z_]\w*(?::{PLAIN})?\}}", re.ASCII)
ID = re.compile(r"[1-9][0-9]{0,15}")
RECORD = f"/{{id:{ID.pattern}}}"
"""The last part of a record's path: ids as we write them, and nothing else."""
RECORDS = re.compile(r"(?:/[\w.~-]+)*" + re.escape(RECORD), re.ASCII)
DEEP = re.compile(r"(?:/[\w.~-]+)*/\{\}(?:/(?:[\w.~-]+|\{\}))+", re.ASCII)
"""Something behind a variable, and all variables whole parts."""

Routes = dict[str, web.AbstractRoute]
"""By method."""
Found = tuple[web.UrlMappingMatchInfo | None, set[str]]
Places = tuple[int, ...]
"""The parts of a path that are fixed, counted between its slashes."""


class Branch(web.AbstractResource):
    """The routes of one fixed path, of the records below it, and of what is below these: `/api/ships/{id}/crew`."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._router = web.UrlDispatcher()
        self._own: Routes = {}
        self._records: Routes = {}
        self._places: dict[int, dict[Places, None]] = {}  # by the number of parts
        self._resources: dict[tuple[Places, tuple[str, ...]], dict[web.Resource, None]] = {}

    def add(self, route: web.RouteDef) -> None:
        """Take a route in."""
        for made in route.register(self._router):
            resource = made.resource
            if not isinstance(resource, web.Resource):
                continue
            if route.path == self._path:
                self._own.update({each.method: each for each in resource})
            elif route.path == self._path + RECORD:
                self._records.update({each.method: each for each in resource})
            else:
                self._index(resource)

    async def resolve(self, request: web.Request) -> Found:
        """The route of a request, or the methods that its path has."""
        path = request.rel_url.path_safe
        if path == self._path:
            return _matched(self._own, request, {})
        above, _, last = path.rpartition("/")
        if above == self._path:
            return _matched(self._records, request, {"id": last}) if ID.fullmatch(last) else (None, set())
        return await self._deep(request, path.split("/"))

    async def _deep(self, request: web.Request, parts: Sequence[str]) -> Found:
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
        for each in self._router.resources():
            each.add_prefix(prefix)
        self._places.clear()
        indexed = [resource for resources in self._resources.values() for resource in resources]
        self._resources.clear()
        for resource in indexed:
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

    def _index(self, resource: web.Resource) -> None:
        parts = resource.canonical.split("/")
        places = tuple(place for place, part in enumerate(parts) if not part.startswith("{"))
        fixed = tuple(parts[place] for place in places)
        self._places.setdefault(len(parts), {})[places] = None
        self._resources.setdefault((places, fixed), {})[resource] = None


def register(router: web.UrlDispatcher, routes: Iterable[web.RouteDef]) -> None:
    """Add routes to a router, in branches what can be. Where two answer a path, the first one does, or its branch."""
    given = list(routes)
    branches = {root: Branch(root) for route in given if (root := _root(route.path)) is not None}
    for route in given:
        root = _root(route.path)
        branch = branches.get(route.path if root is None else root)
        if branch is None or route.kwargs.get("name"):
            route.register(router)
            continue
        if not len(branch):
            router.register_resource(branch)
        branch.add(route)


def _root(path: str) -> str | None:
    """The fixed path of the branch that the route of a record belongs to, or one below it; None for all others."""
    belongs = RECORDS.fullmatch(path) or DEEP.fullmatch(VARIABLE.sub("{}", path))
    return path.partition("/{")[0] if belongs else None


def _matched(routes: Routes, request: web.Request, match: dict[str, str]) -> Found:
    route = routes.get(request.method) or routes.get(hdrs.METH_ANY)
    return (None, set(routes)) if route is None else (web.UrlMappingMatchInfo(match, route), set())
