"""Order plugins so that each comes after those that it requires."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable, Mapping

from service.discovery.plugin import Plugin
from service.errors import StartupError

log = logging.getLogger("shipyard")


def in_order(loaded: Mapping[str, Plugin], skipped: set[str], installed: Container[str]) -> dict[str, Plugin]:
    """Return the plugins, each after those that it requires, otherwise in the order given.

    A plugin that requires a skipped one is skipped too: it is added to `skipped`. Raises StartupError if a required
    plugin is not loaded, or if requirements form a cycle.
    """
    ordered: dict[str, Plugin] = {}
    waiting = dict(loaded)
    while waiting:
        ready = next((plugin for plugin in waiting.values() if ordered.keys() >= set(plugin.requires)), None)
        if ready is not None:
            ordered[ready.name] = waiting.pop(ready.name)
            continue
        incomplete = next((plugin for plugin in waiting.values() if not skipped.isdisjoint(plugin.requires)), None)
        if incomplete is None:
            raise StartupError(_missing(waiting, loaded, installed) or _cycle(waiting))
        log.warning("plugin %r requires a skipped plugin. It is skipped too.", incomplete.name)
        skipped.add(waiting.pop(incomplete.name).name)
    return ordered


def check_order(plugins: Iterable[Plugin]) -> None:
    """Raise StartupError if a plugin comes before one that it requires."""
    before: set[str] = set()
    for plugin in plugins:
        for name in plugin.requires:
            if name not in before:
                raise StartupError(
                    f"plugin {plugin.name!r} requires {name!r}: put {name!r} before it in plugins.enabled."
                )
        before.add(plugin.name)


def _missing(waiting: Mapping[str, Plugin], loaded: Container[str], installed: Container[str]) -> str | None:
    """Return the message about the first required plugin that is not loaded."""
    for plugin in waiting.values():
        for name in plugin.requires:
            if name in loaded:
                continue
            if name in installed:
                return (
                    f"plugin {plugin.name!r} requires {name!r}, which is not enabled: "
                    f"add {name!r} before it to plugins.enabled."
                )
            return f"plugin {plugin.name!r} requires {name!r}, which is not installed: install it."
    return None


def _cycle(waiting: Mapping[str, Plugin]) -> str:
    """Return the message about a cycle, which exists if every required plugin is loaded and none can be next."""
    path = [next(iter(waiting))]
    while (name := next(it for it in waiting[path[-1]].requires if it in waiting)) not in path:
        path.append(name)
    cycle = " -> ".join([*path[path.index(name) :], name])
    return f"plugins require each other in a cycle, {cycle}: remove one of these requirements."
