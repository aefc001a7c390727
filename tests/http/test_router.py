"""The router of collections and records finds the same routes as aiohttp's router."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st

from service.http.path_template import RECORD
from service.http.router import CollectionResource, register

VARIABLES = ["{id}", "{id:[1-9][0-9]{0,15}}", "{id:\\d+}", "{id:[a-z0-9-]+}", "{id:[^x]+}", "{id:.*}", "x{id}", "{id}x"]
FIXED = ["a", "b", "7", "ä", "%20", "a b"]
PARTS = st.sampled_from([*VARIABLES, *FIXED])
Place = tuple[str, tuple[str, ...]]
PLACE = st.tuples(st.sampled_from(["GET", "PUT", "POST"]), st.lists(PARTS, min_size=1, max_size=4).map(tuple))
REQUESTED = st.sampled_from(["a", "b", "7", "007", "x", "xa", "ä", "%C3%A4", "%2F", "%20", "", "{id}", "a/b", "7/a/7"])


@st.composite
def routes_and_paths(draw: st.DrawFn) -> tuple[list[Place], str]:
    """Return some routes and a path that resembles one of them."""
    places = draw(st.lists(PLACE, min_size=1, max_size=6, unique=True))
    _, parts = draw(st.sampled_from(places))
    requested = [part if part in FIXED and draw(st.booleans()) else draw(REQUESTED) for part in parts]
    return places, "/".join(["", *requested])


async def handler(request: web.Request) -> web.Response:
    return web.Response()


def numbered(parts: Sequence[str]) -> Iterator[tuple[int | str, str]]:
    """Yield each part of a path with the number of variables before it; "" instead of 0."""
    number = 0
    for part in parts:
        yield number or "", part
        number += "{" in part


def routes_at(places: Sequence[tuple[str, Sequence[str]]]) -> list[web.RouteDef]:
    """Return a route for each method and path that aiohttp accepts, with unique names of the variables of a path."""
    routes = []
    for method, parts in places:
        named = [part.replace("{id", f"{{id{before}") for before, part in numbered(parts)]
        route = web.route(method, "/".join(["", *named]), handler)
        try:
            route.register(web.UrlDispatcher())
        except ValueError:
            continue
        routes.append(route)
    return routes


def found(router: web.UrlDispatcher, method: str, path: str) -> tuple[object, ...]:
    """Return the method, the pattern and the variables of the route found, else the status and (405) the methods."""
    match = asyncio.run(router.resolve(make_mocked_request(method, path)))
    if isinstance(match.http_exception, web.HTTPMethodNotAllowed):
        return 405, frozenset(match.http_exception.allowed_methods)
    if match.http_exception is not None:
        return match.http_exception.status, None
    assert match.route.resource is not None
    return match.route.method, match.route.resource.canonical, dict(match)


@given(routes_and_paths(), st.sampled_from(["GET", "PUT", "DELETE"]))
@settings(deadline=None)
def test_a_route_is_found_if_and_only_if_aiohttp_finds_one(case: tuple[list[Place], str], method: str) -> None:
    places, path = case
    routes = routes_at(places)
    plain, own = web.UrlDispatcher(), web.UrlDispatcher()
    register(own, routes)
    possible = []
    for route in routes:
        route.register(plain)
        alone = web.UrlDispatcher()
        route.register(alone)
        possible.append(found(alone, method, path))
    actual, expected = found(own, method, path), found(plain, method, path)
    # If several routes match, both routers may choose different ones.
    assert actual == expected or (len(actual) == len(expected) == 3 and actual in possible)


def test_records_and_their_collection_are_found_without_matching_each_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    router = web.UrlDispatcher()
    register(router, [web.get("/a", handler), web.get(f"/a{RECORD}", handler), web.put(f"/a{RECORD}", handler)])
    monkeypatch.delattr(web.Resource, "resolve")
    assert found(router, "GET", "/a") == ("GET", "/a", {})
    assert found(router, "PUT", "/a/7") == ("PUT", "/a/{id}", {"id": "7"})
    assert found(router, "PUT", "/a") == (405, {"GET", "HEAD"})
    assert found(router, "PUT", "/a/07") == (404, None)


@pytest.mark.parametrize("path", ["/a", f"/a{RECORD}", "/a/{id}/b"])
def test_a_route_for_every_method_gets_the_requests_without_a_route_of_their_method(path: str) -> None:
    single, requested = web.UrlDispatcher(), path.replace(RECORD, "/1").replace("{id}", "1")
    register(single, [web.put(path, handler), web.get("/a/{id}/c", handler), web.get(f"/a{RECORD}/d", handler)])
    every = web.UrlDispatcher()
    register(every, [web.route("*", path, handler), web.get(f"/a{RECORD}/d", handler)])
    assert found(every, "DELETE", requested)[0] == "*"
    assert found(single, "DELETE", requested) == (405, {"PUT"})


def test_a_resource_lists_its_routes_and_gets_the_prefix_of_its_subapp() -> None:
    router = web.UrlDispatcher()
    register(router, [web.get("/a", handler), web.put(f"/a{RECORD}", handler)])
    (resource,) = router.resources()
    assert isinstance(resource, CollectionResource)
    assert len(resource) == len(list(resource)) == 3  # GET adds HEAD
    assert resource.get_info() == {"prefix": "/a"}
    with pytest.raises(TypeError, match="/a has many routes"):
        resource.url_for(id="1")

    inner, outer = web.Application(), web.Application()
    register(inner.router, [web.get(path, handler) for path in ("/a", f"/a{RECORD}", "/a/{id}/b")])
    outer.add_subapp("/in", inner)
    for top, path in product(["/in", ""], ["/a", "/a/1", "/a/1/b"]):
        match = asyncio.run(outer.router.resolve(make_mocked_request("GET", top + path)))
        assert (match.http_exception is None) == (top == "/in"), (top, path)


def test_a_named_route_returns_its_url() -> None:
    router = web.UrlDispatcher()
    register(router, [web.get("/a/{id}/b", handler, name="b")])
    assert str(router["b"].url_for(id="1")) == "/a/1/b"
