"""Load plugins as the service does, without the service."""

from __future__ import annotations

from typing import Any

import pytest

from service.app import find_plugins
from service.discovery.entry_points import Found
from service.errors import StartupError
from service.testing import settings_for_tests

NO_ROUTES = "routes = []\n"
"""The code of the smallest plugin."""


def load(**plugins: Any) -> Found:
    """Return the plugins that are loaded with these values in the section [plugins]."""
    return find_plugins(settings_for_tests(plugins=plugins))


def names(**plugins: Any) -> list[str]:
    """Return the names of the loaded plugins in their order."""
    return [plugin.name for plugin in load(**plugins).plugins]


def error_of(**plugins: Any) -> str:
    """Load plugins that cannot be loaded; return the error message."""
    with pytest.raises(StartupError) as caught:
        load(**plugins)
    return str(caught.value)
