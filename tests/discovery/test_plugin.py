"""The attributes of a plugin: what is required, and the error for each wrong value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.planets import PLANETS
from tests.support.plugin_loading import NO_ROUTES, error_of, names

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]


NO_CONTEXT_MANAGER = "`lifespan` is not an asynchronous context manager that takes the app."
SHAPES = [
    ("", "planets has no `routes`."),
    ("routes = None", "`routes` is not a list of RouteDef."),
    ("routes = 'GET /'", "`routes` is not a list of RouteDef."),
    ("routes = ['GET /']", "`routes` contains 'GET /', which is not a RouteDef."),
    (PLANETS.replace(".routes()", ".routes"), "`routes` is not a list of RouteDef."),
    ("routes = []; collections = ['planets']", "`collections` contains 'planets', which is not a Collection."),
    ("routes = []; requires = 'users'", "`requires` is not a list of str."),
    ("routes = []; requires = [1]", "`requires` contains 1, which is not a str."),
    ("routes = []; lifespan = 5", NO_CONTEXT_MANAGER),
    (
        "routes = []\nasync def lifespan(app): ...",
        NO_CONTEXT_MANAGER,
    ),
    ("routes = []\ndef lifespan(app): yield", NO_CONTEXT_MANAGER),
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
def test_an_attribute_that_is_missing_or_wrong_is_an_error(install: Install, code: str, reason: str) -> None:
    install("planets", code)
    assert error_of().startswith(f"plugin 'planets': {reason}")


@pytest.mark.parametrize("version", ["2", "0", "'1'", "None"])
def test_a_plugin_for_another_version_of_the_api_is_an_error(install: Install, version: str) -> None:
    install("planets", f"api_version = {version}\n{NO_ROUTES}")
    assert error_of() == (
        f"plugin 'planets' requires version {version} of the plugin API; this Shipyard has version 1."
    )


def test_a_plugin_may_state_the_version_of_the_api(install: Install) -> None:
    install("planets", f"api_version = 1\n{NO_ROUTES}")
    assert names(enabled=["planets"]) == ["planets"]
