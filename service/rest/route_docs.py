"""The API description of a Resource's routes: summaries, schemas, and the query parameters of its list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from marshmallow import Schema
from marshmallow.fields import Integer

from service.openapi.decorators import docs, request_schema, response_schema
from service.rest.list_query import MAX_LIMIT, ListParameters
from service.rest.spec import ResourceSpec

Decorator = Callable[[Any], Any]
Json = dict[str, Any]

TESTS = {
    "eq": "equals",
    "has": "contains",
    "ne": "does not equal",
    "gt": "is greater than",
    "gte": "is greater than or equal to",
    "lt": "is less than",
    "lte": "is less than or equal to",
    "like": "contains, case-insensitive,",
}
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
FROM_ONE: Json = {"type": "integer", "minimum": 1}


def decorators(resource: ResourceSpec, verb: str) -> list[Decorator]:
    """Return the decorators that describe the handler of a method."""
    noun, plural, schema = resource.noun.lower(), resource.collection.name, _with_id(resource.schema)
    if verb == "list":
        text = f"The {plural}; with `_fields`, only those fields of each."
        records = response_schema(schema(many=True, partial=True), 200, text, headers=["X-Total-Count", "Link"])
        return [docs(summary=f"List {plural}", parameters=list_parameters(resource.list_parameters)), records]
    if verb == "read":
        unchanged = {304: {"description": "The record still has this entity tag.", "headers": ["ETag"]}}
        summary = docs(summary=f"Read a {noun}", parameters=["If-None-Match"], responses=unchanged)
        return [summary, response_schema(schema, 200, f"The {noun}.", headers=["ETag"])]
    if verb == "add":
        record = response_schema(schema, 201, f"The new {noun}.", headers=["Location", "ETag"])
        return [request_schema(schema), docs(summary=f"Add a {noun}", parameters=["Idempotency-Key"]), record]
    summary = docs(summary=f"{verb.capitalize()} a {noun}", parameters=["If-Match"])
    if verb == "remove":
        return [summary, docs(responses={204: {"description": "Removed."}})]
    body = request_schema(schema(partial=True) if verb == "patch" else schema)
    return [body, summary, response_schema(schema, 200, f"The {noun} after the change.", headers=["ETag"])]


def _with_id(schema: type[Schema]) -> type[Schema]:
    """Return the schema of a record in responses: with its id, even if the schema leaves it out."""
    if "id" in schema().fields:
        return schema
    return schema.from_dict({"id": Integer(dump_only=True)}, name=schema.__name__)


def list_parameters(known: ListParameters) -> list[Json]:
    """Return the query parameters of a list as OpenAPI parameters."""
    return [*_controls(known), *_filters(known)]


def _filters(known: ListParameters) -> Iterator[Json]:
    for name, filter in known.filters.items():
        one: Json = {"type": filter.json_type}
        value: Any = {"integer": 1, "number": 1.5, "boolean": True}.get(filter.json_type, "x")
        text = (
            f"`{filter.field.name}` {TESTS[filter.test]} {'any of the values' if filter.repeatable else 'the value'}."
        )
        schema, example = ({"type": "array", "items": one}, [value]) if filter.repeatable else (one, value)
        yield {"in": "query", "name": name, "description": text, "schema": schema, "example": example}


def _controls(known: ListParameters) -> Iterator[Json]:
    limit = {**FROM_ONE, "maximum": MAX_LIMIT}
    for name, text, schema, example in (
        ("q", "Any text field contains this, case-insensitive.", TEXT, "x"),
        ("_sort", "Fields to sort by, comma-separated; `-` before a field sorts it descending.", TEXT, "id"),
        ("_order", "`asc` or `desc` for each field of `_sort`, comma-separated.", TEXT, "asc"),
        ("_start", "The number of records to skip.", COUNT, 0),
        ("_end", "The position of the first record that is not returned.", FROM_ONE, 10),
        ("_limit", "The maximum number of records.", limit, 10),
        ("_page", "The number of the page, from 1, of `_limit` records each.", FROM_ONE, 1),
        ("_after", "Only records with a greater id: for reading a long list to its end.", COUNT, 0),
        ("_fields", "The fields to return, comma-separated.", TEXT, ",".join(known.names[:2])),
    ):
        yield {"in": "query", "name": name, "description": text, "schema": schema, "example": example}
