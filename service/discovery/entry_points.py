"""Finds the plugins by their entry points, and puts them in order. Whatever is wrong stops the start."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from service.discovery.conflicts import check_conflicts
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
    """The plugins to load. Raises StartupError: what is missing, broken, duplicate or circular, and what to do."""
    installed = _installed()
    names = _chosen(installed, settings)
    if settings.allow is not None:
        _check_allowed([installed[name] for name in names], settings.allow)
    loaded: dict[str, Plugin] = {}
    skipped: list[str] = []
    for name in names:
        try:
            loaded[name] = _load(installed[name])
        except StartupError as error:
            if settings.on_error != "skip":
                raise
            log.warning("%s It is left out.", error)
            skipped.append(name)
    ordered = _in_order(loaded, set(skipped))
    if settings.enabled is not None:
        ordered = {name: ordered[name] for name in names if name in ordered}
        _check_order(ordered.values())
    check_conflicts(ordered.values())
    return Found(tuple(ordered.values()), tuple(name for name in names if name not in ordered))


def _installed() -> dict[str, EntryPoint]:
    installed: dict[str, EntryPoint] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda it: (it.name, it.value)):
        if (other := installed.get(entry_point.name)) is not None:
            raise StartupError(
                f"two distributions have a plugin {entry_point.name!r}: {distribution(other)} ({other.value}) and "
                f"{distribution(entry_point)} ({entry_point.value}); uninstall one of them."
            )
        installed[entry_point.name] = entry_point
    return installed


def _chosen(installed: Mapping[str, EntryPoint], settings: PluginSettings) -> list[str]:
    if settings.enabled is None:
        return sorted(installed)
    for name in settings.enabled:
        if name not in installed:
            raise StartupError(
                f"plugins.enabled lists {name!r}, which is not installed; installed are: {_list(installed)}."
            )
        if settings.enabled.count(name) > 1:
            raise StartupError(f"plugins.enabled lists {name!r} twice.")
    return settings.enabled


def _check_allowed(chosen: Iterable[EntryPoint], allow: list[str]) -> None:
    allowed = {_normalized(name) for name in allow}
    for entry_point in chosen:
        source = distribution(entry_point)
        if _normalized(source) not in allowed:
            raise StartupError(
                f"plugin {entry_point.name!r} comes from the distribution {source!r}, which plugins.allow does "
                f"not list; add it to SHIPYARD_PLUGINS_ALLOW, or name the plugins to load in SHIPYARD_PLUGINS_ENABLED."
            )


def _load(entry_point: EntryPoint) -> Plugin:
    try:
        module = entry_point.load()
    except KeyboardInterrupt:
        raise
    except StartupError as error:
        raise StartupError(f"plugin {entry_point.name!r}: {error}") from error
    except BaseException as error:  # a module may raise anything while it is imported, SystemExit too
        raise StartupError(
            f"plugin {entry_point.name!r} ({entry_point.value}, from {distribution(entry_point)}) cannot be imported: "
            f"{type(error).__name__}: {error}."
        ) from error
    return read(entry_point, module)


def _in_order(loaded: Mapping[str, Plugin], skipped: set[str]) -> dict[str, Plugin]:
    """Each after those it requires, else as they come; without those that require one that was left out."""
    order: dict[str, Plugin] = {}
    waiting = dict(loaded)
    while waiting:
        ready = next((it for it in waiting.values() if order.keys() >= set(it.requires)), None)
        if ready is not None:
            order[ready.name] = waiting.pop(ready.name)
            continue
        orphan = next((it for it in waiting.values() if not skipped.isdisjoint(it.requires)), None)
        if orphan is None:
            raise StartupError(_why_stuck(loaded, waiting))
        log.warning("plugin %r requires one that was left out. It is left out too.", orphan.name)
        skipped.add(waiting.pop(orphan.name).name)
    return order


def _why_stuck(loaded: Mapping[str, Plugin], waiting: Mapping[str, Plugin]) -> str:
    for plugin in waiting.values():
        for name in plugin.requires:
            if name not in loaded:
                return f"plugin {plugin.name!r} requires {name!r}, which is not loaded: install it, and enable it."
    path = [next(iter(waiting))]
    while (name := next(it for it in waiting[path[-1]].requires if it in waiting)) not in path:
        path.append(name)
    circle = " -> ".join([*path[path.index(name) :], name])
    return f"plugins require each other in a circle, {circle}: one of them has to do without."


def _check_order(plugins: Iterable[Plugin]) -> None:
    """Raises StartupError where the order that the user gave puts a plugin before one that it requires."""
    before: set[str] = set()
    for plugin in plugins:
        for name in plugin.requires:
            if name not in before:
                raise StartupError(
                    f"plugin {plugin.name!r} requires {name!r}: put {name!r} before it in plugins.enabled."
                )
        before.add(plugin.name)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
