"""The order of plugins: each after those it requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.planets import PLANETS
from tests.support.plugin_loading import NO_ROUTES, error_of, load, names

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]


def test_plugins_are_sorted_by_name_but_each_comes_after_those_it_requires(install: Install) -> None:
    install("moons", f"requires = ('planets',)\n{NO_ROUTES}")
    install("planets", PLANETS)
    install("atolls", f"requires = ('moons', 'auth')\n{NO_ROUTES}")
    assert names() == ["planets", "moons", "ships", "users", "auth", "atolls"]


def test_plugins_enabled_is_the_order_of_loading() -> None:
    assert names(enabled=["users", "ships", "auth"]) == ["users", "ships", "auth"]
    assert names(enabled=["ships"]) == ["ships"]
    assert names(enabled=[]) == []


def test_a_plugin_before_one_that_it_requires_is_an_error() -> None:
    assert (
        error_of(enabled=["auth", "users"])
        == "plugin 'auth' requires 'users': put 'users' before it in plugins.enabled."
    )


def test_a_required_plugin_that_is_not_installed_or_not_enabled_is_an_error(install: Install) -> None:
    install("moons", f"requires = ('planets',)\n{NO_ROUTES}")
    not_installed = "plugin 'moons' requires 'planets', which is not installed: install it."
    assert error_of() == not_installed
    assert error_of(enabled=["moons"]) == not_installed
    install("planets", PLANETS)
    assert error_of(enabled=["moons"]) == (
        "plugin 'moons' requires 'planets', which is not enabled: add 'planets' before it to plugins.enabled."
    )
    assert names(enabled=["planets", "moons"]) == ["planets", "moons"]


@pytest.mark.parametrize("enabled", [None, ["hen", "egg"], ["ships", "chick", "hen", "egg"]])
def test_plugins_that_require_each_other_are_an_error(install: Install, enabled: list[str] | None) -> None:
    install("hen", f"requires = ('egg',)\n{NO_ROUTES}")
    install("egg", f"requires = ('hen',)\n{NO_ROUTES}")
    install("chick", f"requires = ('hen',)\n{NO_ROUTES}")
    error = error_of(enabled=enabled)
    assert error.startswith("plugins require each other in a cycle, ")
    assert "hen -> egg" in error
    assert "chick" not in error


def test_a_plugin_that_requires_itself_is_an_error(install: Install) -> None:
    install("ego", f"requires = ('ego',)\n{NO_ROUTES}")
    assert "ego -> ego" in error_of()


@pytest.mark.parametrize(
    "enabled", [None, ["planets", "moons", "craters", "ships"], ["craters", "ships", "moons", "planets"]]
)
def test_plugins_that_require_a_skipped_plugin_are_skipped_too(
    install: Install, caplog: pytest.LogCaptureFixture, enabled: list[str] | None
) -> None:
    install("planets", "import nowhere")
    install("moons", f"requires = ('planets',)\n{NO_ROUTES}")
    install("craters", f"requires = ('moons',)\n{NO_ROUTES}")
    found = load(on_error="skip", enabled=enabled)
    assert [plugin.name for plugin in found.plugins if plugin.name not in ("users", "auth")] == ["ships"]
    assert sorted(found.skipped) == ["craters", "moons", "planets"]
    assert len(caplog.records) == 3


def test_a_required_plugin_that_is_missing_is_an_error_even_if_others_are_skipped(install: Install) -> None:
    install("planets", "import nowhere")
    install("moons", f"requires = ('comets',)\n{NO_ROUTES}")
    assert error_of(on_error="skip").startswith("plugin 'moons' requires 'comets'")
