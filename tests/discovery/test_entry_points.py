"""Finding and importing plugins: which are loaded, and the error for each failure."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import pytest

from service.errors import StartupError
from tests.support.planets import PLANETS
from tests.support.plugin_loading import NO_ROUTES, error_of, load, names

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]


def test_the_built_in_plugins_are_loaded_by_their_entry_points() -> None:
    plugins = load().plugins
    assert [plugin.name for plugin in plugins] == ["ships", "users", "auth"]
    assert [plugin.module for plugin in plugins] == ["plugins.ships", "plugins.users", "plugins.auth"]
    assert {plugin.source.split()[0] for plugin in plugins} == {"shipyard"}


def test_the_source_of_a_plugin_is_its_distribution_with_its_version(install: Install) -> None:
    install("far-planets", PLANETS, plugin="planets")
    (plugin,) = load(enabled=["planets"]).plugins
    assert (plugin.name, plugin.source, plugin.module) == ("planets", "far-planets 1.0", "far_planets")
    assert [collection.name for collection in plugin.collections] == ["planets"]


def test_a_plugin_that_is_not_enabled_is_not_imported(install: Install) -> None:
    module = install("planets", "raise RuntimeError")
    assert names(enabled=["ships"]) == ["ships"]
    assert module not in sys.modules


def test_an_enabled_plugin_that_is_not_installed_is_an_error() -> None:
    assert error_of(enabled=["ships", "planets"]) == (
        "plugins.enabled lists 'planets', which is not installed; installed are: auth, ships, users."
    )


def test_a_plugin_that_is_enabled_twice_is_an_error() -> None:
    assert error_of(enabled=["ships", "users", "ships"]) == "plugins.enabled lists 'ships' twice."


IMPORTS = [
    ("import nowhere", "ModuleNotFoundError: No module named 'nowhere' (far_planets.py, line 1)."),
    ("from service import Nothing", "ImportError: cannot import name 'Nothing'"),
    ("routes = [", "SyntaxError: '[' was never closed (far_planets.py, line 1)."),
    ("raise SystemExit(3)", "SystemExit: 3 (far_planets.py, line 1)."),
    ("raise ValueError('no')", "ValueError: no (far_planets.py, line 1)."),
    ("import asyncio; raise asyncio.CancelledError", "CancelledError (far_planets.py, line 1)."),
    ("ratio = 0\n\n1 / ratio", "ZeroDivisionError: division by zero (far_planets.py, line 3)."),
    # Raised in the standard library, and in Shipyard.
    ("import json\njson.loads('{')", "JSONDecodeError: Expecting property name enclosed in double quotes"),
    ("from service import Collection\nCollection()", "TypeError: Collection.__init__() missing 1 required positional"),
]


@pytest.mark.parametrize(("code", "reason"), IMPORTS)
def test_a_plugin_that_cannot_be_imported_is_an_error_with_the_place_in_its_code(
    install: Install, code: str, reason: str
) -> None:
    install("far-planets", code, plugin="planets")
    error = error_of()
    assert error.startswith("plugin 'planets' (far_planets, from far-planets) cannot be imported: ")
    assert reason in error
    assert error.endswith(f" (far_planets.py, line {len(code.splitlines())}).")


def test_the_cause_of_the_error_is_the_exception_of_the_import(install: Install) -> None:
    install("planets", "import nowhere")
    with pytest.raises(StartupError) as caught:
        load()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_ctrl_c_during_an_import_is_not_caught(install: Install) -> None:
    install("planets", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load(on_error="skip")


@pytest.mark.parametrize("code", [code for code, _ in IMPORTS] + ["nothing = 'routes'"])
def test_a_broken_plugin_is_skipped_if_on_error_is_skip(
    install: Install, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    install("planets", code)
    found = load(on_error="skip")
    assert [plugin.name for plugin in found.plugins] == ["ships", "users", "auth"]
    assert found.skipped == ("planets",)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("plugin 'planets'")
    assert record.getMessage().endswith("The plugin is skipped.")


def test_two_distributions_with_the_same_plugin_are_an_error(install: Install) -> None:
    install("near-planets", PLANETS, plugin="planets")
    install("far-planets", PLANETS, plugin="planets")
    assert error_of(enabled=["ships"]) == (
        "two distributions provide a plugin 'planets': far-planets (far_planets) and near-planets (near_planets); "
        "uninstall one of them."
    )


def test_a_distribution_cannot_replace_a_built_in_plugin(install: Install) -> None:
    install("my-users", NO_ROUTES, plugin="users")
    error = error_of()
    assert "my-users (my_users)" in error
    assert "shipyard (plugins.users)" in error


def test_a_plugin_that_is_not_allowed_is_rejected_before_it_is_imported(install: Install) -> None:
    module = install("planets", PLANETS)
    assert error_of(allow=["shipyard"]) == (
        "plugin 'planets' comes from the distribution 'planets', which plugins.allow does not list; add it to "
        "SHIPYARD_PLUGINS_ALLOW, or list the plugins to load in SHIPYARD_PLUGINS_ENABLED."
    )
    assert module not in sys.modules


def test_a_plugin_that_is_not_enabled_need_not_be_allowed(install: Install) -> None:
    install("planets", PLANETS)
    assert names(allow=["shipyard"], enabled=["ships"]) == ["ships"]


def test_the_names_of_allowed_distributions_are_normalized(install: Install) -> None:
    install("Far-Planets", PLANETS, plugin="planets")
    assert "planets" in names(allow=["shipyard", "far_planets"])


def test_a_distribution_without_a_name_is_never_allowed(install: Install) -> None:
    install("planets", PLANETS, metadata="Version: 1.0\n")
    assert error_of(allow=["shipyard"]).startswith("plugin 'planets' comes from the distribution 'unknown'")
    assert load(enabled=["planets"]).plugins[0].source == "unknown 1.0"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("planets:routes", "plugin 'planets': planets:routes is not a module; the entry point must name a module."),
        ("planets:nothing", "plugin 'planets' (planets:nothing, from planets) cannot be imported: AttributeError"),
        ("nowhere", "plugin 'planets' (nowhere, from planets) cannot be imported: ModuleNotFoundError"),
    ],
)
def test_an_entry_point_that_does_not_name_a_module_is_an_error(install: Install, value: str, reason: str) -> None:
    install("planets", NO_ROUTES, value=value)
    assert error_of().startswith(reason)
