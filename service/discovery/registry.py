"""Which resource or collection takes the records of a name."""

from __future__ import annotations

from collections.abc import Iterable

from service.discovery.plugin import Plugin
from service.rest.resource import Resource
from service.store.base import Collection

Keeper = Resource | Collection
"""Who knows what a collection's records are: a resource, or nobody (they are taken as they are)."""


def keepers(plugins: Iterable[Plugin]) -> dict[str, Keeper]:
    """The keeper of each collection, by its name."""
    known: dict[str, Keeper] = {}
    for plugin in plugins:
        known |= {collection.name: collection for collection in plugin.collections}
        known |= {resource.collection.name: resource for resource in plugin.resources}
    return known
