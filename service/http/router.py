"""Routing in one look-up for collections and their records; aiohttp would try all resources with a common prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from aiohttp import hdrs, web

from service.http.path_template import ID, RECORD

FIXED = re.compile(r"(/[\w.~-]+)+", re.ASCII)
IS_ID = re.compile(ID)

Routes = dict[str, web.AbstractRoute]
"""By method."""
Found = tuple[web.UrlMappingMatchInfo | None, set[str]]


class CollectionResource(web.AbstractResource):
    """The routes of one fixed path and of the records below it: `/api/ships` and `/api/ships/{id}`."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._router = web.UrlDispatcher()
        self._collection: Routes = {}
        self._records: Routes = {}

    def add(self, route: web.RouteDef) -> None:
        """Add a route of the collection or of its records."""
        routes = self._records if route.path.endswith(RECORD) else self._collection
        for added in route.register(self._router):
            # All routes of its path, because a route for GET adds one for HEAD.
            routes.update({each.method: each for each in added.resource or ()})

    async def resolve(self, request: web.Request) -> Found:
        """Return the route of a request, or else the methods that its path has."""
        path = request.rel_url.path_safe
        if path == self._path:
            return _match(self._collection, request, {})
        collection, _, id = path.rpartition("/")
        if collection == self._path and IS_ID.fullmatch(id):
            return _match(self._records, request, {"id": id})
        return None, set()

    @property
    def canonical(self) -> str:
        """The path under which aiohttp indexes this resource."""
        return self._path

    def add_prefix(self, prefix: str) -> None:
        """Move all routes below a prefix."""
        self._path = prefix + self._path
        for resource in self._router.resources():
            resource.add_prefix(prefix)

    def get_info(self) -> Any:
        """Return what introspection shows."""
        return {"prefix": self._path}

    def raw_match(self, path: str) -> bool:  # noqa: ARG002  # aiohttp asks whether it can add routes of `path`
        """Return False: routes are added by `add` only."""
        return False

    def url_for(self, **parts: str) -> NoReturn:
        """Raise TypeError: this resource has many URLs."""
        raise TypeError(f"{self._path} has many routes; {parts} could mean any of them")

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(self._router.routes())

    def __len__(self) -> int:
        return len(self._router.routes())


def register(router: web.UrlDispatcher, routes: Iterable[web.RouteDef]) -> None:
    """Add routes to a router. If several match a request, the one that was added first handles it.

    The routes of a collection and its records are one resource, at the place of the first of them.
    """
    routes = list(routes)
    resources = {path: CollectionResource(path) for route in routes if (path := _collection_of(route)) is not None}
    for route in routes:
        resource = resources.get(_collection_of(route) or route.path)
        if resource is None or route.kwargs.get("name"):
            route.register(router)
            continue
        if not len(resource):
            router.register_resource(resource)
        resource.add(route)


def _collection_of(route: web.RouteDef) -> str | None:
    """Return the path of the collection whose records a route is for; None for all other routes."""
    collection = route.path.removesuffix(RECORD)
    return collection if collection != route.path and FIXED.fullmatch(collection) else None


def _match(routes: Routes, request: web.Request, variables: dict[str, str]) -> Found:
    route = routes.get(request.method) or routes.get(hdrs.METH_ANY)
    return (None, set(routes)) if route is None else (web.UrlMappingMatchInfo(variables, route), set())
