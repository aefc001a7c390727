"""The specification of a resource, without its handlers: path, collection, schema and access rules."""

from __future__ import annotations

from typing import ClassVar

from marshmallow import Schema

from service.auth.permissions import Rule, public, user
from service.rest.list_query import ListParameters
from service.rest.record_schema import RecordSchema
from service.store.base import Collection


class ResourceSpec:
    """The attributes that a subclass of Resource sets, and what is derived from them.

    path: the path of the collection. access: the access rule of each method; it applies to overridden methods too.
    seeded: whether the data file must have this collection.
    """

    path: ClassVar[str]
    collection: ClassVar[Collection]
    schema: ClassVar[type[Schema]]
    access: ClassVar[dict[str, Rule]] = {
        "list": public,
        "read": public,
        "add": user,
        "replace": user,
        "patch": user,
        "remove": user,
    }
    seeded: ClassVar[bool] = False

    def __init__(self) -> None:
        """Raises StartupError if schema and collection contradict each other."""
        self.noun = self.schema.__name__.removesuffix("Schema")
        self.record_schema = RecordSchema(self.schema(), self.collection)
        self.list_parameters = ListParameters(self.schema())
