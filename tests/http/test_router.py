"""The look-up of collections and records finds what aiohttp's own router does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from service.http.path_template import RECORD
from service.http.router import CollectionResource, register

VARIABLES = ["{id}", "{id:[1-9][0-9]{0,15}}", "{id:\\d+}", "{id:[a-z0-9-]+}", "{id:[^x]+}", "{id:.*}", "x{id}", "{id}x"]
FIXED = ["a", "b", "7", "ä", "%20", "a b"]
PARTS = st.sampled_from([*VARIABLES, *FIXED])
Place = tuple[str, tuple[str, ...]]
PLACE = st.tuples(st.sampled_from(["GET", "PUT", "POST"]), st.lists(PARTS, min_size=1, max_size=4).map(tuple))
ASKED = st.sampled_from(["a", "b", "7", "007", "x", "xa", "ä", "%C3%A4", "%2F", "%20", "", "{id}", "a/b", "7/a/7"])


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Place], str]:
    """Some routes, and a path that is near one of them."""
    places = draw(st.lists(PLACE, min_size=1, max_size=6, unique=True))
    _, parts = draw(st.sampled_from(places))
    asked = [part if part in FIXED and draw(st.booleans()) else draw(ASKED) for part in parts]
    return places, "/".join(["", *asked])


async def handler(request: web.Request) -> web.Response:
    return web.Response()


def named_before(parts: Sequence[str]) -> Iterator[tuple[int | str, str]]:
    """Each part of a path, behind the number of variables before it; none before the first one."""
    number = 0
    for part in parts:
        yield number or "", part
        number += "{" in part


def routes_at(places: Sequence[tuple[str, Sequence[str]]]) -> list[web.RouteDef]:
    """A route for each method and path that aiohttp takes; what has the same name in a path gets others."""
    routes = []
    for method, parts in places:
        named = [part.replace("{id", f"{{id{before}") for before, part in named_before(parts)]
        route = web.route(method, "/".join(["", *named]), handler)
        try:
            route.register(web.UrlDispatcher())
        except ValueError:
            continue
        routes.append(route)
    return routes


def found(router: web.UrlDispatcher, method: str, path: str) -> tuple[object, ...]:
    """What a router says to a request: the pattern and the variables of the route, or the methods and the status."""
    match = asyncio.run(router.resolve(make_mocked_request(method, path)))
    if isinstance(match.http_exception, web.HTTPMethodNotAllowed):
        return 405, frozenset(match.http_exception.allowed_methods)
    if match.http_exception is not None:
        return match.http_exception.status, None
    assert match.route.resource is not None
    return match.route.method, match.route.resource.canonical, dict(match)


@given(questions(), st.sampled_from(["GET", "PUT", "DELETE"]))
def test_a_route_is_found_if_and_only_if_aiohttp_finds_one(question: tuple[list[Place], str], method: str) -> None:
    places, path = question
    routes = routes_at(places)
    plain, ours = web.UrlDispatcher(), web.UrlDispatcher()
    register(ours, routes)
    possible = []
    for route in routes:
        route.register(plain)
        alone = web.UrlDispatcher()
        route.register(alone)
        possible.append(found(alone, method, path))
    answer, expected = found(ours, method, path), found(plain, method, path)
    # If several match, the resource of the first one may have another that does.
    assert answer == expected or (len(answer) == len(expected) == 3 and answer in possible)


def test_records_and_their_collection_are_found_without_trying_any_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    router = web.UrlDispatcher()
    register(router, [web.get("/a", handler), web.get(f"/a{RECORD}", handler), web.put(f"/a{RECORD}", handler)])
    monkeypatch.delattr(web.Resource, "resolve")
    assert found(router, "GET", "/a") == ("GET", "/a", {})
    assert found(router, "PUT", "/a/7") == ("PUT", "/a/{id}", {"id": "7"})
    assert found(router, "PUT", "/a") == (405, {"GET", "HEAD"})
    assert found(router, "PUT", "/a/07") == (404, None)


@pytest.mark.parametrize("path", ["/a", f"/a{RECORD}", "/a/{id}/b"])
def test_a_route_for_every_method_takes_what_no_other_does(path: str) -> None:
    whole, asked = web.UrlDispatcher(), path.replace(RECORD, "/1").replace("{id}", "1")
    register(whole, [web.put(path, handler), web.get("/a/{id}/c", handler), web.get(f"/a{RECORD}/d", handler)])
    every = web.UrlDispatcher()
    register(every, [web.route("*", path, handler), web.get(f"/a{RECORD}/d", handler)])
    assert found(every, "DELETE", asked)[0] == "*"
    assert found(whole, "DELETE", asked) == (405, {"PUT"})


def test_a_resource_lists_its_routes_and_moves_with_the_app_it_belongs_to() -> None:
    router = web.UrlDispatcher()
    register(router, [web.get("/a", handler), web.put(f"/a{RECORD}", handler)])
    (resource,) = router.resources()
    assert isinstance(resource, CollectionResource)
    assert len(resource) == len(list(resource)) == 3  # GET brings HEAD
    assert resource.get_info() == {"prefix": "/a"}
    with pytest.raises(TypeError, match="/a has many routes"):
        resource.url_for(id="1")

    inner, outer = web.Application(), web.Application()
    register(inner.router, [web.get(path, handler) for path in ("/a", f"/a{RECORD}", "/a/{id}/b")])
    outer.add_subapp("/in", inner)
    for top, path in product(["/in", ""], ["/a", "/a/1", "/a/1/b"]):
        match = asyncio.run(outer.router.resolve(make_mocked_request("GET", top + path)))
        assert (match.http_exception is None) == (top == "/in"), (top, path)


def test_a_route_with_a_name_can_be_asked_for_its_url() -> None:
    router = web.UrlDispatcher()
    register(router, [web.get("/a/{id}/b", handler, name="b")])
    assert str(router["b"].url_for(id="1")) == "/a/1/b"
