"""What is installed -> what is loaded, in which order; and every way it can fail, each with a sentence."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from service.app import create_app
from service.discovery.entry_points import Found, discover
from service.errors import StartupError
from service.testing import settings_for_tests
from tests.support.planets import PLANETS

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

ROUTE = """
from aiohttp import web
from service import Rule, owner, public

async def unstated(request): ...

@public
async def answer(request): ...

routes = [web.<route>]
"""
NONE = "routes = []\n"


def load(**plugins: Any) -> Found:
    return discover(settings_for_tests(plugins=plugins).plugins)


def names(**plugins: Any) -> list[str]:
    return [plugin.name for plugin in load(**plugins).plugins]


def why_not(**plugins: Any) -> str:
    """What the start is stopped with."""
    with pytest.raises(StartupError) as caught:
        load(**plugins)
    return str(caught.value)


def test_the_built_in_plugins_come_by_entry_points_each_after_those_it_requires() -> None:
    plugins = load().plugins
    assert [plugin.name for plugin in plugins] == ["ships", "users", "auth"]
    assert [plugin.module for plugin in plugins] == ["plugins.ships", "plugins.users", "plugins.auth"]
    assert {plugin.source.split()[0] for plugin in plugins} == {"shipyard"}


def test_what_is_installed_is_loaded_by_name_between_what_it_requires_and_what_requires_it(install: Install) -> None:
    install("moons", f"requires = ('planets',)\n{NONE}")
    install("planets", PLANETS)
    install("atolls", f"requires = ('moons', 'auth')\n{NONE}")
    assert names() == ["planets", "moons", "ships", "users", "auth", "atolls"]


def test_a_plugin_is_known_by_the_distribution_it_comes_from(install: Install) -> None:
    install("far-planets", PLANETS, plugin="planets")
    (plugin,) = load(enabled=["planets"]).plugins
    assert (plugin.name, plugin.source, plugin.module) == ("planets", "far-planets 1.0", "far_planets")
    assert [collection.name for collection in plugin.collections] == ["planets"]


def test_the_setting_says_which_are_loaded_and_in_which_order() -> None:
    assert names(enabled=["users", "ships", "auth"]) == ["users", "ships", "auth"]
    assert names(enabled=["ships"]) == ["ships"]
    assert names(enabled=[]) == []


def test_what_is_not_enabled_is_not_even_imported(install: Install) -> None:
    module = install("planets", "raise RuntimeError")
    assert names(enabled=["ships"]) == ["ships"]
    assert module not in sys.modules


def test_a_plugin_that_is_enabled_and_not_installed_stops_the_start() -> None:
    assert why_not(enabled=["ships", "planets"]) == (
        "plugins.enabled lists 'planets', which is not installed; installed are: auth, ships, users."
    )


def test_a_plugin_that_is_enabled_twice_stops_the_start() -> None:
    assert why_not(enabled=["ships", "users", "ships"]) == "plugins.enabled lists 'ships' twice."


def test_a_plugin_before_one_that_it_requires_stops_the_start() -> None:
    assert (
        why_not(enabled=["auth", "users"])
        == "plugin 'auth' requires 'users': put 'users' before it in plugins.enabled."
    )


def test_a_plugin_that_requires_what_is_not_loaded_stops_the_start(install: Install) -> None:
    install("moons", f"requires = ('planets',)\n{NONE}")
    expected = "plugin 'moons' requires 'planets', which is not loaded: install it, and enable it."
    assert why_not() == expected
    install("planets", PLANETS)
    assert why_not(enabled=["moons"]) == expected
    assert names(enabled=["planets", "moons"]) == ["planets", "moons"]


@pytest.mark.parametrize("enabled", [None, ["hen", "egg"], ["ships", "chick", "hen", "egg"]])
def test_plugins_that_require_each_other_stop_the_start(install: Install, enabled: list[str] | None) -> None:
    install("hen", f"requires = ('egg',)\n{NONE}")
    install("egg", f"requires = ('hen',)\n{NONE}")
    install("chick", f"requires = ('hen',)\n{NONE}")
    why = why_not(enabled=enabled)
    assert why.startswith("plugins require each other in a circle, ")
    assert "hen -> egg" in why
    assert "chick" not in why


def test_a_plugin_that_requires_itself_stops_the_start(install: Install) -> None:
    install("ego", f"requires = ('ego',)\n{NONE}")
    assert "ego -> ego" in why_not()


IMPORTS = [
    ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    ("from service import Nothing", "ImportError: cannot import name 'Nothing'"),
    ("routes = [", "SyntaxError: '[' was never closed"),
    ("raise SystemExit(3)", "SystemExit: 3"),
    ("raise ValueError('no')", "ValueError: no"),
    ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
]


@pytest.mark.parametrize(("code", "reason"), IMPORTS)
def test_a_plugin_that_cannot_be_imported_stops_the_start(install: Install, code: str, reason: str) -> None:
    install("far-planets", code, plugin="planets")
    why = why_not()
    assert why.startswith("plugin 'planets' (far_planets, from far-planets) cannot be imported: ")
    assert reason in why


def test_the_cause_of_a_failed_import_is_kept(install: Install) -> None:
    install("planets", "import nowhere")
    with pytest.raises(StartupError) as caught:
        load()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_ctrl_c_during_an_import_is_the_users(install: Install) -> None:
    install("planets", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load(on_error="skip")


@pytest.mark.parametrize("code", [code for code, _ in IMPORTS] + ["nothing = 'routes'"])
def test_a_broken_plugin_is_left_out_where_the_settings_say_so(
    install: Install, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    install("planets", code)
    found = load(on_error="skip")
    assert [plugin.name for plugin in found.plugins] == ["ships", "users", "auth"]
    assert found.skipped == ("planets",)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("plugin 'planets'")
    assert record.getMessage().endswith("It is left out.")


@pytest.mark.parametrize(
    "enabled", [None, ["planets", "moons", "craters", "ships"], ["craters", "ships", "moons", "planets"]]
)
def test_with_a_broken_plugin_all_are_left_out_that_build_on_it(
    install: Install, caplog: pytest.LogCaptureFixture, enabled: list[str] | None
) -> None:
    install("planets", "import nowhere")
    install("moons", f"requires = ('planets',)\n{NONE}")
    install("craters", f"requires = ('moons',)\n{NONE}")
    found = load(on_error="skip", enabled=enabled)
    assert [plugin.name for plugin in found.plugins if plugin.name not in ("users", "auth")] == ["ships"]
    assert sorted(found.skipped) == ["craters", "moons", "planets"]
    assert len(caplog.records) == 3


def test_leaving_out_does_not_hide_what_is_missing(install: Install) -> None:
    install("planets", "import nowhere")
    install("moons", f"requires = ('comets',)\n{NONE}")
    assert why_not(on_error="skip").startswith("plugin 'moons' requires 'comets'")


def test_two_distributions_with_one_plugin_stop_the_start(install: Install) -> None:
    install("near-planets", PLANETS, plugin="planets")
    install("far-planets", PLANETS, plugin="planets")
    assert why_not(enabled=["ships"]) == (
        "two distributions have a plugin 'planets': far-planets (far_planets) and near-planets (near_planets); "
        "uninstall one of them."
    )


def test_a_distribution_cannot_take_the_place_of_a_built_in_plugin(install: Install) -> None:
    install("my-users", NONE, plugin="users")
    why = why_not()
    assert "my-users (my_users)" in why
    assert "shipyard (plugins.users)" in why


def test_two_plugins_with_one_collection_stop_the_start(install: Install) -> None:
    install("planets", PLANETS)
    install("stars", "from service import Collection\nroutes = []\ncollections = [Collection('planets')]")
    assert why_not() == (
        "the plugins 'planets' and 'stars' both keep a collection 'planets'; one of them has to give way."
    )


def test_a_plugin_from_elsewhere_is_refused_before_it_is_imported(install: Install) -> None:
    module = install("planets", PLANETS)
    assert why_not(allow=["shipyard"]) == (
        "plugin 'planets' comes from the distribution 'planets', which plugins.allow does not list; add it to "
        "SHIPYARD_PLUGINS_ALLOW, or name the plugins to load in SHIPYARD_PLUGINS_ENABLED."
    )
    assert module not in sys.modules


def test_what_is_not_allowed_does_no_harm_where_it_is_not_enabled(install: Install) -> None:
    install("planets", PLANETS)
    assert names(allow=["shipyard"], enabled=["ships"]) == ["ships"]


def test_distributions_are_allowed_however_their_names_are_written(install: Install) -> None:
    install("Far-Planets", PLANETS, plugin="planets")
    assert "planets" in names(allow=["shipyard", "far_planets"])


def test_a_distribution_without_a_name_is_allowed_by_no_list(install: Install) -> None:
    install("planets", PLANETS, metadata="Version: 1.0\n")
    assert why_not(allow=["shipyard"]).startswith("plugin 'planets' comes from the distribution 'unknown'")
    assert load(enabled=["planets"]).plugins[0].source == "unknown 1.0"


SHAPES = [
    ("", "planets has no `routes`."),
    ("routes = None", "`routes` is no list of RouteDef."),
    ("routes = 'GET /'", "`routes` is no list of RouteDef."),
    ("routes = ['GET /']", "`routes` holds 'GET /', which is no RouteDef."),
    (PLANETS.replace(".routes()", ".routes"), "`routes` is no list of RouteDef."),
    ("routes = []; collections = ['planets']", "`collections` holds 'planets', which is no Collection."),
    ("routes = []; requires = 'users'", "`requires` is no list of str."),
    ("routes = []; requires = [1]", "`requires` holds 1, which is no str."),
    ("routes = []; lifespan = 5", "`lifespan` is no asynchronous context manager of one app."),
    ("routes = []\nasync def lifespan(app): ...", "`lifespan` is no asynchronous context manager of one app."),
    ("routes = []\ndef lifespan(app): yield", "`lifespan` is no asynchronous context manager of one app."),
    (
        PLANETS.replace("climate = String(", "climate = String(load_only=True, "),
        "PlanetSchema: the load_only fields of the schema and the write_only fields of the collection 'planets' differ",
    ),
    (
        PLANETS.replace('unique="name"', 'unique="name", write_only=("climate",)'),
        "PlanetSchema: the load_only fields of the schema and the write_only fields of the collection 'planets' differ",
    ),
]


@pytest.mark.parametrize(("code", "reason"), SHAPES)
def test_a_module_that_is_no_plugin_stops_the_start(install: Install, code: str, reason: str) -> None:
    install("planets", code)
    assert why_not().startswith(f"plugin 'planets': {reason}")


@pytest.mark.parametrize("version", ["2", "0", "'1'", "None"])
def test_a_plugin_for_another_api_version_stops_the_start(install: Install, version: str) -> None:
    install("planets", f"api_version = {version}\n{NONE}")
    assert why_not() == f"plugin 'planets' wants API version {version} of Shipyard; this is version 1."


def test_a_plugin_may_state_the_api_version_it_was_made_for(install: Install) -> None:
    install("planets", f"api_version = 1\n{NONE}")
    assert names(enabled=["planets"]) == ["planets"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("planets:routes", "plugin 'planets': planets:routes is no module; the entry point must name one."),
        ("planets:nothing", "plugin 'planets' (planets:nothing, from planets) cannot be imported: AttributeError"),
        ("nowhere", "plugin 'planets' (nowhere, from planets) cannot be imported: ModuleNotFoundError"),
    ],
)
def test_an_entry_point_that_names_no_module_stops_the_start(install: Install, value: str, reason: str) -> None:
    install("planets", NONE, value=value)
    assert why_not().startswith(reason)


UNSTATED = "GET /api/planets does not state who may use it; put a rule of access above its handler"
OWNERLESS = "is for owners, but has no {id}."
NOT_AIOHTTPS = "cannot be registered: "


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ("get('/api/planets', unstated)", UNSTATED),
        ("get('/api/planets', owner(answer))", OWNERLESS),
        ("get('/api/planets/{identity}', owner(answer))", OWNERLESS),
        ("get('/api/planets/{id}', Rule('mine', own=True)(answer))", "is for owners, but asks for no token."),
        ("get('api/planets', answer)", NOT_AIOHTTPS),
        ("get('/api/planets/{id', answer)", NOT_AIOHTTPS),
        ("get('/api/planets/{id:[}', answer)", NOT_AIOHTTPS),
        ("get('/api/planets', answer, name='no name')", NOT_AIOHTTPS),
        ("route('NO METHOD', '/api/planets', answer)", NOT_AIOHTTPS),
        ("get('/a', answer, name='planets'), web.get('/b', answer, name='planets')", NOT_AIOHTTPS),
    ],
)
def test_a_route_that_cannot_be_stops_the_start(install: Install, route: str, reason: str) -> None:
    install("planets", ROUTE.replace("<route>", route))
    why = why_not(enabled=["planets"])
    assert why.startswith("plugin 'planets': the route ")
    assert reason in why


def test_an_owners_route_may_hold_its_id_to_a_pattern(install: Install) -> None:
    install("planets", ROUTE.replace("<route>", r"get(r'/api/planets/{id:\\d+}/name', owner(answer))"))
    assert names(enabled=["planets"]) == ["planets"]


TAKEN = [
    ("get('/api/ships', answer)", "GET /api/ships"),
    ("get('/api/ships/{ship}', answer)", "GET /api/ships/{id:"),
    ("get(r'/api/ships/{id:\\d+}', answer)", "GET /api/ships/{id:"),
    ("get(r'/api/ships/{id:[0-9]{1,3}}', answer, allow_head=False)", "GET /api/ships/{id:"),
    ("head('/api/ships', answer)", "GET /api/ships"),
    ("route('*', '/api/ships', answer)", "GET /api/ships"),
    ("route('post', '/api/ships', answer)", "POST /api/ships"),
    ("patch('/api/ships/{x}', answer)", "PATCH /api/ships/{id:"),
]


@pytest.mark.parametrize("first", ["ships", "planets"])
@pytest.mark.parametrize(("route", "as_theirs"), TAKEN)
def test_two_plugins_that_answer_the_same_requests_stop_the_start(
    install: Install, route: str, as_theirs: str, first: str
) -> None:
    install("planets", ROUTE.replace("<route>", route))
    other = "planets" if first == "ships" else "ships"
    why = why_not(enabled=[first, other])
    assert why.startswith(f"the plugins {first!r} and {other!r} both answer ")
    assert as_theirs in why


def test_a_route_for_every_method_leaves_room_for_no_other(install: Install) -> None:
    install("planets", ROUTE.replace("<route>", "route('*', '/api/planets', answer)"))
    install("moons", ROUTE.replace("<route>", "put('/api/planets', answer)"))
    assert "'moons' and 'planets' both answer" in why_not()


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metrics", "/api/docs", "/api/docs/openapi.json", "/api/docs/{name}"]
)
def test_a_plugin_cannot_answer_for_the_house(install: Install, path: str) -> None:
    install("planets", ROUTE.replace("<route>", f"get({path!r}, answer)"))
    with pytest.raises(StartupError, match=f"and 'planets' both answer GET {re.escape(path)}"):
        create_app(settings_for_tests())


@pytest.mark.parametrize(
    "route",
    [
        "patch('/api/ships', answer)",
        "get('/api/ships/{id}/crew', answer)",
        "get('/api/ships/{id}/', answer)",
        "get('/api/SHIPS', answer)",
        "get('/api/planets', answer, allow_head=False), web.head('/api/planets', answer)",
        "get('/a/{x}', answer), web.get('/a/{x}/{y}', answer)",
        "view('/api/planets', public(web.View))",
    ],
)
def test_routes_that_only_look_alike_live_side_by_side(install: Install, route: str) -> None:
    install("planets", ROUTE.replace("<route>", route))
    assert names(enabled=["ships", "planets"]) == ["ships", "planets"]
