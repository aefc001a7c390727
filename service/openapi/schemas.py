"""marshmallow schemas as components of the API description."""

from __future__ import annotations

from typing import Any, Literal

from apispec.core import Components
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

Json = dict[str, Any]
View = Literal["response", "new", "change"]

SUFFIX: dict[View, str] = {"response": "", "new": "Input", "change": "Update"}
LEFT_OUT: dict[View, str] = {"response": "writeOnly", "new": "readOnly", "change": ""}


PARTIAL: dict[View, str] = {"response": "Selection", "new": "Patch", "change": "Patch"}


class Schemas:
    """The components that schemas become, under names that are the same at every start.

    One schema is up to three components: an answer has no write-only fields; a new record has no read-only ones; a
    change may have them, since a client may send back what it read. A schema with neither kind is one component.
    """

    def __init__(self) -> None:
        self.plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: self._free(_name(schema), None))

    def view(self, schema: Schema, view: View) -> Json:
        """Return a reference to `schema` as it looks in this place; to an array of it if it is a schema of many."""
        looks = self._looks(schema, view)
        split = any(field.dump_only or field.load_only for field in schema.fields.values())
        suffix = PARTIAL[view] if schema.partial else SUFFIX[view] if split else ""
        name = self._free(_name(type(schema)) + suffix, looks)
        if name not in self._components.schemas:
            self._components.schema(name, looks)
        reference = self._components.get_ref("schema", name)
        return {"type": "array", "items": reference} if schema.many else reference

    def parameters(self, schema: Schema, location: str) -> list[Json]:
        """Return the fields of `schema` as parameters; `location` as aiohttp-apispec names it."""
        parameters: list[Json] = self._converter.schema2parameters(schema, location=location)
        return parameters

    def _looks(self, schema: Schema, view: View) -> Json:
        looks: Json = self._converter.schema2jsonschema(schema)
        shown = {name: it for name, it in looks["properties"].items() if not it.get(LEFT_OUT[view])}
        required = {
            *looks.get("required", ()),
            *(_read_only(shown) if view == "response" and not schema.partial else ()),
        }
        looks["properties"] = shown
        looks["required"] = [name for name in shown if name in required]
        return looks

    def _free(self, name: str, looks: Json | None) -> str:
        """Return the name, numbered while it is taken by a different component."""
        taken, numbered, number = self._components.schemas, name, 1
        while numbered in taken and taken[numbered] != looks:
            number += 1
            numbered = f"{name}{number}"
        return numbered

    # apispec sets both as soon as there is a spec, but types them as if there were none, and the converter not at all.
    @property
    def _converter(self) -> Any:
        return self.plugin.converter

    @property
    def _components(self) -> Components:
        spec: Any = self.plugin.spec
        components: Components = spec.components
        return components


def _name(schema: type[Schema] | Schema) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema") or kind.__name__


def _read_only(properties: Json) -> list[str]:
    return [name for name, it in properties.items() if it.get("readOnly")]
