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
    """Registers schemas as components, under the same names at every start.

    A schema becomes up to three components: responses have no write-only fields; new records have no read-only ones;
    changes may have them, since a client may send back what it has read. A schema with neither is one component.
    """

    def __init__(self) -> None:
        self.plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: self._free(_name(schema), None))

    def view(self, schema: Schema, view: View) -> Json:
        """Return a reference to the component of `schema` for this view; for a schema of many, an array of it."""
        json_schema = self._json_schema(schema, view)
        split = any(field.dump_only or field.load_only for field in schema.fields.values())
        suffix = PARTIAL[view] if schema.partial else SUFFIX[view] if split else ""
        name = self._free(_name(type(schema)) + suffix, json_schema)
        if name not in self._components.schemas:
            self._components.schema(name, json_schema)
        reference = self._components.get_ref("schema", name)
        return {"type": "array", "items": reference} if schema.many else reference

    def parameters(self, schema: Schema, location: str) -> list[Json]:
        """Return the fields of `schema` as parameters; `location` as aiohttp-apispec names it."""
        parameters: list[Json] = self._converter.schema2parameters(schema, location=location)
        return parameters

    def _json_schema(self, schema: Schema, view: View) -> Json:
        json_schema: Json = self._converter.schema2jsonschema(schema)
        shown = {name: it for name, it in json_schema["properties"].items() if not it.get(LEFT_OUT[view])}
        required = {
            *json_schema.get("required", ()),
            *(_read_only(shown) if view == "response" and not schema.partial else ()),
        }
        json_schema["properties"] = shown
        json_schema["required"] = [name for name in shown if name in required]
        return json_schema

    def _free(self, name: str, json_schema: Json | None) -> str:
        """Return the name, with a number if a different component has it."""
        taken, numbered, number = self._components.schemas, name, 1
        while numbered in taken and taken[numbered] != json_schema:
            number += 1
            numbered = f"{name}{number}"
        return numbered

    # apispec sets both when the spec is created, but their types allow None, and the converter is not typed.
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
