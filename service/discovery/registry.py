"""The collections of an app, and where records that are read from a file are stored."""

from __future__ import annotations

from collections.abc import Iterable

from service.auth.users import USERS
from service.discovery.plugin import Plugin
from service.rest.resource import Resource
from service.store.base import Collection

ImportTarget = Resource | Collection
"""A resource, which validates records with its schema; or a collection without a resource, which does not."""


def collections_of(plugins: Iterable[Plugin]) -> list[Collection]:
    """Return the collections to open: the built-in one of the users, and those of the plugins, without duplicates."""
    return list(dict.fromkeys([USERS, *(collection for plugin in plugins for collection in plugin.collections)]))


def import_targets(plugins: Iterable[Plugin]) -> dict[str, ImportTarget]:
    """Return the target of each collection that a plugin declares, by the collection's name."""
    targets: dict[str, ImportTarget] = {}
    for plugin in plugins:
        targets |= {collection.name: collection for collection in plugin.collections}
        targets |= {resource.collection.name: resource for resource in plugin.resources}
    return targets
