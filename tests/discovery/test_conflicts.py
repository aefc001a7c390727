"""Routes that cannot be registered, and routes and collections that two plugins define."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from service.app import create_app
from service.errors import StartupError
from service.testing import settings_for_tests
from tests.support.planets import PLANETS
from tests.support.plugin_loading import error_of, names

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

ROUTE = """
from aiohttp import web
from service import Rule, owner, public

async def without_rule(request): ...

@public
async def handle(request): ...

routes = [web.<route>]
"""


def test_two_plugins_with_the_same_collection_are_an_error(install: Install) -> None:
    install("planets", PLANETS)
    install("stars", "from service import Collection\nroutes = []\ncollections = [Collection('planets')]")
    assert error_of() == (
        "the plugins 'planets' and 'stars' both define a collection 'planets'; rename one of the collections or "
        "disable one of the plugins."
    )


NO_RULE = "GET /api/planets has no access rule; decorate its handler with @public, @user, @owner or @refresh."

NO_ID = "is restricted to the owner, but its path has no {id}."

REJECTED = "cannot be registered: "


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ("get('/api/planets', without_rule)", NO_RULE),
        ("get('/api/planets', owner(handle))", NO_ID),
        ("get('/api/planets/{identity}', owner(handle))", NO_ID),
        (
            "get('/api/planets/{id}', Rule('mine', own=True)(handle))",
            "is restricted to the owner, but requires no token.",
        ),
        ("get('api/planets', handle)", REJECTED),
        ("get('/api/planets/{id', handle)", REJECTED),
        ("get('/api/planets/{id:[}', handle)", REJECTED),
        ("get('/api/planets', handle, name='no name')", REJECTED),
        ("route('NO METHOD', '/api/planets', handle)", REJECTED),
        ("get('/a', handle, name='planets'), web.get('/b', handle, name='planets')", REJECTED),
    ],
)
def test_a_route_that_cannot_be_registered_is_an_error(install: Install, route: str, reason: str) -> None:
    install("planets", ROUTE.replace("<route>", route))
    error = error_of(enabled=["planets"])
    assert error.startswith("plugin 'planets': the route ")
    assert reason in error


def test_the_id_of_an_owners_route_may_have_a_pattern(install: Install) -> None:
    install("planets", ROUTE.replace("<route>", r"get(r'/api/planets/{id:\\d+}/name', owner(handle))"))
    assert names(enabled=["planets"]) == ["planets"]


TAKEN = [
    ("get('/api/ships', handle)", "GET /api/ships"),
    ("get('/api/ships/{ship}', handle)", "GET /api/ships/{id:"),
    ("get(r'/api/ships/{id:\\d+}', handle)", "GET /api/ships/{id:"),
    ("get(r'/api/ships/{id:[0-9]{1,3}}', handle, allow_head=False)", "GET /api/ships/{id:"),
    ("head('/api/ships', handle)", "GET /api/ships"),
    ("route('*', '/api/ships', handle)", "GET /api/ships"),
    ("route('post', '/api/ships', handle)", "POST /api/ships"),
    ("patch('/api/ships/{x}', handle)", "PATCH /api/ships/{id:"),
]


@pytest.mark.parametrize("first", ["ships", "planets"])
@pytest.mark.parametrize(("route", "as_defined"), TAKEN)
def test_two_plugins_with_the_same_route_are_an_error(
    install: Install, route: str, as_defined: str, first: str
) -> None:
    install("planets", ROUTE.replace("<route>", route))
    other = "planets" if first == "ships" else "ships"
    error = error_of(enabled=[first, other])
    assert error.startswith(f"the plugins {first!r} and {other!r} both define ")
    assert as_defined in error


def test_a_route_for_every_method_conflicts_with_a_route_for_one(install: Install) -> None:
    install("planets", ROUTE.replace("<route>", "route('*', '/api/planets', handle)"))
    install("moons", ROUTE.replace("<route>", "put('/api/planets', handle)"))
    assert "'moons' and 'planets' both define" in error_of()


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metrics", "/api/docs", "/api/docs/openapi.json", "/api/docs/{name}"]
)
def test_a_plugin_cannot_define_a_built_in_route(install: Install, path: str) -> None:
    install("planets", ROUTE.replace("<route>", f"get({path!r}, handle)"))
    with pytest.raises(StartupError, match=f"and 'planets' both define GET {re.escape(path)}"):
        create_app(settings_for_tests())


@pytest.mark.parametrize(
    "route",
    [
        "patch('/api/ships', handle)",
        "get('/api/ships/{id}/crew', handle)",
        "get('/api/ships/{id}/', handle)",
        "get('/api/SHIPS', handle)",
        "get('/api/planets', handle, allow_head=False), web.head('/api/planets', handle)",
        "get('/a/{x}', handle), web.get('/a/{x}/{y}', handle)",
        "view('/api/planets', public(web.View))",
    ],
)
def test_similar_routes_do_not_conflict(install: Install, route: str) -> None:
    install("planets", ROUTE.replace("<route>", route))
    assert names(enabled=["ships", "planets"]) == ["ships", "planets"]


def test_a_plugin_that_defines_a_route_twice_is_an_error(install: Install) -> None:
    install("planets", ROUTE.replace("<route>", "get('/planets', handle), web.get('/planets', handle)"))
    assert error_of() == "plugin 'planets' defines GET /planets twice; remove one of the two routes."


@pytest.mark.parametrize("collection", ["Collection('users')", "Collection(*[getattr(USERS, it) for it in FIELDS])"])
def test_a_plugin_cannot_define_a_collection_of_the_name_of_the_built_in_one(install: Install, collection: str) -> None:
    fields = "FIELDS = ('name', 'unique', 'write_only', 'indexed')"
    install("people", f"from service import USERS, Collection\n{fields}\nroutes = []\ncollections = [{collection}]")
    assert error_of(enabled=["people"]) == (
        "plugin 'people' defines a collection 'users', which is built in; use `from service import USERS`, or choose "
        "another name."
    )


def test_one_plugin_may_declare_the_built_in_collection_of_users_and_two_may_not(install: Install) -> None:
    install("people", "from service import USERS\nroutes = []\ncollections = [USERS]")
    assert names(enabled=["people"]) == ["people"]
    assert error_of(enabled=["users", "people"]) == (
        "the plugins 'users' and 'people' both define a collection 'users'; rename one of the collections or disable "
        "one of the plugins."
    )
