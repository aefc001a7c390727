"""Find the plugins by their entry points, load them and put them in order."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from service.discovery.failure import describe_failure
from service.discovery.order import check_order, in_order
from service.discovery.plugin import Plugin, distribution, read
from service.errors import StartupError
from service.settings.schema import PluginSettings

GROUP = "shipyard.plugins"

log = logging.getLogger("shipyard")


class Found(NamedTuple):
    """The plugins in the order of loading, and the names of those that plugins.on_error = "skip" left out."""

    plugins: tuple[Plugin, ...]
    skipped: tuple[str, ...] = ()


def discover(settings: PluginSettings) -> Found:
    """Return the plugins to load. Raises StartupError if one is missing or broken, or if they cannot be ordered."""
    installed = _installed()
    names = _enabled(installed, settings)
    if settings.allow is not None:
        _check_allowed([installed[name] for name in names], settings.allow)
    loaded: dict[str, Plugin] = {}
    skipped: set[str] = set()
    for name in names:
        try:
            loaded[name] = _load(installed[name])
        except StartupError as error:
            if settings.on_error != "skip":
                raise
            log.warning("%s The plugin is skipped.", error)
            skipped.add(name)
    ordered = in_order(loaded, skipped, installed)
    if settings.enabled is not None:
        ordered = {name: ordered[name] for name in names if name in ordered}
        check_order(ordered.values())
    return Found(tuple(ordered.values()), tuple(name for name in names if name not in ordered))


def _installed() -> dict[str, EntryPoint]:
    installed: dict[str, EntryPoint] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda it: (it.name, it.value)):
        if (other := installed.get(entry_point.name)) is not None:
            raise StartupError(
                f"two distributions provide a plugin {entry_point.name!r}: {distribution(other)} ({other.value}) and "
                f"{distribution(entry_point)} ({entry_point.value}); uninstall one of them."
            )
        installed[entry_point.name] = entry_point
    return installed


def _enabled(installed: Mapping[str, EntryPoint], settings: PluginSettings) -> list[str]:
    if settings.enabled is None:
        return sorted(installed)
    for name in settings.enabled:
        if name not in installed:
            known = ", ".join(sorted(installed)) or "none"
            raise StartupError(f"plugins.enabled lists {name!r}, which is not installed; installed are: {known}.")
        if settings.enabled.count(name) > 1:
            raise StartupError(f"plugins.enabled lists {name!r} twice.")
    return settings.enabled


def _check_allowed(entry_points: Iterable[EntryPoint], allow: list[str]) -> None:
    allowed = {_normalized(name) for name in allow}
    for entry_point in entry_points:
        source = distribution(entry_point)
        if _normalized(source) not in allowed:
            raise StartupError(
                f"plugin {entry_point.name!r} comes from the distribution {source!r}, which plugins.allow does "
                f"not list; add it to SHIPYARD_PLUGINS_ALLOW, or list the plugins to load in SHIPYARD_PLUGINS_ENABLED."
            )


def _load(entry_point: EntryPoint) -> Plugin:
    try:
        module = entry_point.load()
    except KeyboardInterrupt:
        raise
    except StartupError as error:
        raise StartupError(f"plugin {entry_point.name!r}: {error}") from error
    except BaseException as error:  # importing a module may raise anything, even SystemExit
        raise StartupError(
            f"plugin {entry_point.name!r} ({entry_point.value}, from {distribution(entry_point)}) cannot be imported: "
            f"{describe_failure(error, entry_point.module)}."
        ) from error
    return read(entry_point, module)


def _normalized(name: str) -> str:
    """Return the name of a distribution in the form that compares equal (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
