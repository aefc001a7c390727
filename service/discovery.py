"""Finds the plugins by their entry points, and puts them in order. Whatever is wrong stops the start."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from service.conflicts import check_conflicts
from service.errors import StartError
from service.plugin import Plugin, read
from service.settings import PluginSettings

GROUP = "shipyard.plugins"

log = logging.getLogger("shipyard")


class Found(NamedTuple):
    """The plugins in the order of loading, and the names of those that plugins.on_error = "skip" left out."""

    plugins: tuple[Plugin, ...]
    skipped: tuple[str, ...] = ()


def discover(settings: PluginSettings) -> Found:
    """The plugins to load. Raises StartError that says what is missing, broken, doubled or circular, and what to do."""
    installed = _installed()
    names = _chosen(installed, settings)
    _check_allowed([installed[name] for name in names], settings.allow)
    loaded: dict[str, Plugin] = {}
    skipped: list[str] = []
    for name in names:
        try:
            loaded[name] = _load(installed[name])
        except StartError as error:
            if settings.on_error != "skip":
                raise
            log.warning("%s It is left out.", error)
            skipped.append(name)
    order = _in_order(loaded, set(skipped), given=settings.enabled is not None)
    check_conflicts(order)
    return Found(order, tuple(name for name in names if name not in {plugin.name for plugin in order}))


def _installed() -> dict[str, EntryPoint]:
    installed: dict[str, EntryPoint] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda it: (it.name, it.value)):
        if (other := installed.get(entry_point.name)) is not None:
            raise StartError(
                f"two distributions have a plugin {entry_point.name!r}: {_distribution(other)} ({other.value}) and "
                f"{_distribution(entry_point)} ({entry_point.value}); uninstall one of them."
            )
        installed[entry_point.name] = entry_point
    return installed


def _chosen(installed: Mapping[str, EntryPoint], settings: PluginSettings) -> list[str]:
    if settings.enabled is None:
        return sorted(installed)
    for name in settings.enabled:
        if name not in installed:
            raise StartError(
                f"plugins.enabled lists {name!r}, which is not installed; installed are: {_list(installed)}."
            )
        if settings.enabled.count(name) > 1:
            raise StartError(f"plugins.enabled lists {name!r} twice.")
    return settings.enabled


def _check_allowed(chosen: Iterable[EntryPoint], allow: list[str] | None) -> None:
    allowed = None if allow is None else {_normalized(name) for name in allow}
    for entry_point in chosen:
        distribution = _distribution(entry_point)
        if allowed is not None and _normalized(distribution) not in allowed:
            raise StartError(
                f"plugin {entry_point.name!r} comes from the distribution {distribution!r}, which plugins.allow does "
                f"not list; add it to SHIPYARD_PLUGINS_ALLOW, or name the plugins to load in SHIPYARD_PLUGINS_ENABLED."
            )


def _load(entry_point: EntryPoint) -> Plugin:
    try:
        module = entry_point.load()
    except BaseException as error:  # a module may raise anything while it is imported, SystemExit too
        if isinstance(error, KeyboardInterrupt | StartError):
            raise
        raise StartError(
            f"plugin {entry_point.name!r} ({entry_point.value}, from {_distribution(entry_point)}) cannot be imported: "
            f"{type(error).__name__}: {error}."
        ) from error
    return read(entry_point, module)


def _in_order(loaded: Mapping[str, Plugin], skipped: set[str], *, given: bool) -> tuple[Plugin, ...]:
    """Each after those it requires, else as they come; `given`: the order is the user's, and only checked."""
    order: dict[str, Plugin] = {}
    waiting = dict(loaded)
    while waiting:
        ready = next((it for it in waiting.values() if order.keys() >= set(it.requires)), None)
        if ready is None or (given and ready.name != next(iter(waiting))):
            stuck = next(iter(waiting.values()))
            if skipped.isdisjoint(stuck.requires):
                raise StartError(_why_stuck(stuck, loaded, waiting, given=given))
            log.warning("plugin %r requires one that was left out. It is left out too.", stuck.name)
            skipped.add(waiting.pop(stuck.name).name)
            continue
        order[ready.name] = waiting.pop(ready.name)
    return tuple(order.values())


def _why_stuck(stuck: Plugin, loaded: Mapping[str, Plugin], waiting: Mapping[str, Plugin], *, given: bool) -> str:
    for plugin in waiting.values():
        for name in plugin.requires:
            if name not in loaded:
                return f"plugin {plugin.name!r} requires {name!r}, which is not loaded: install it, and enable it."
    if given and any(not set(it.requires) & waiting.keys() for it in waiting.values()):
        late = next(name for name in stuck.requires if name in waiting)
        return f"plugin {stuck.name!r} requires {late!r}: put {late!r} before it in plugins.enabled."
    return f"the plugins {_list(waiting)} require each other in a circle: one of them has to do without."


def _distribution(entry_point: EntryPoint) -> str:
    return "unknown" if entry_point.dist is None else entry_point.dist.name


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
