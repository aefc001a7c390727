"""The routes of a Resource, and what each says about itself for the API document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import Integer

from service.errors import HTTPError
from service.http.router import RECORD
from service.openapi.decorators import docs, request_schema, response_schema
from service.rest.list_query import MOST, ListParameters
from service.rest.spec import ResourceSpec

WORDS = {
    "eq": "Equals",
    "has": "Among",
    "ne": "Does not equal",
    "gt": "Above:",
    "gte": "At least:",
    "lt": "Below:",
    "lte": "At most:",
    "like": "Holds this text, whatever its case:",
}

Mark = Callable[[Any], Any]
VERBS = {
    "list": (web.get, ""),
    "add": (web.post, ""),
    "read": (web.get, RECORD),
    "replace": (web.put, RECORD),
    "patch": (web.patch, RECORD),
    "remove": (web.delete, RECORD),
}


def routes_of(resource: ResourceSpec) -> list[web.RouteDef]:
    """A route for each verb, with the verb's access rule, whoever wrote the method."""
    return [make(resource.path + end, _handler(resource, verb)) for verb, (make, end) in VERBS.items()]


def _handler(resource: ResourceSpec, verb: str) -> Any:
    method = getattr(resource, verb)
    handler: Any = partial(method)  # which can carry marks of its own, as a bound method cannot
    handler.__name__, handler.__doc__ = verb, method.__doc__
    handler.resource = resource  # discovery collects resources by it
    for mark in _marks(resource, verb):
        handler = mark(handler)
    return resource.access[verb](handler)


def _marks(resource: ResourceSpec, verb: str) -> list[Mark]:
    """What the API document says of a verb."""
    return [*_words(resource, verb), docs(refusals=list(_refusals(resource, verb)))]


def _refusals(resource: ResourceSpec, verb: str) -> Iterator[HTTPError]:
    """What a verb refuses, besides what follows from its rule and its body."""
    if verb == "read":
        yield HTTPError(400, {"colour": ["Unknown parameter."]}, code="invalid_parameters")
    if verb == "add":
        yield HTTPError(400, {"Idempotency-Key": ["Not 1 to 255 visible ASCII characters."]}, code="invalid_header")
        yield HTTPError(409, "A request with this Idempotency-Key is still under way.")
        yield HTTPError(422, "This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    if verb in ("replace", "patch"):
        yield HTTPError(400, "Request data id has to match resource id.", code="id_mismatch")
    if verb in ("add", "replace", "patch") and resource.collection.unique:
        yield HTTPError(400, f"{resource.noun} already exists.", code="already_exists")
    if verb in ("replace", "patch", "remove"):
        yield HTTPError(412, "The record has changed: read it again, then decide.")
        yield HTTPError(428, "If-Match is required: send the ETag of the record you have read.")


def _with_id(schema: type[Schema]) -> type[Schema]:
    """The schema of a record as it is answered: with its id, whether the schema has one or leaves it to us."""
    if "id" in schema().fields:
        return schema
    return schema.from_dict({"id": Integer(dump_only=True)}, name=schema.__name__)


def _words(resource: ResourceSpec, verb: str) -> list[Mark]:
    noun, plural, schema = resource.noun.lower(), resource.collection.name, _with_id(resource.schema)
    match verb:
        case "list":
            many = response_schema(schema(many=True), 200, f"The {plural}.", headers=["X-Total-Count", "Link"])
            return [docs(summary=f"List {plural}", parameters=list_parameters(resource.grammar)), many]
        case "read":
            same = {304: {"description": "The client has it already.", "headers": ["ETag"]}}
            words = docs(summary=f"Read a {noun}", parameters=["If-None-Match"], responses=same)
            return [words, response_schema(schema, 200, f"The {noun}.", headers=["ETag"])]
        case "add":
            new = response_schema(schema, 201, f"The new {noun}.", headers=["Location", "ETag"])
            words = docs(summary=f"Add a {noun}", parameters=["Idempotency-Key"])
            return [request_schema(schema), words, new]
        case "remove":
            gone = {204: {"description": "It is gone."}}
            return [docs(summary=f"Remove a {noun}", parameters=["If-Match"], responses=gone)]
    body = request_schema(schema(partial=True) if verb == "patch" else schema)
    words = docs(summary=f"{verb.capitalize()} a {noun}", parameters=["If-Match"])
    return [body, words, response_schema(schema, 200, f"The {noun} as it is now.", headers=["ETag"])]


def list_parameters(grammar: ListParameters) -> list[dict[str, Any]]:
    """The query parameters of a list, as OpenAPI has them."""
    return [*_controls(grammar), *_filters(grammar)]


def _filters(grammar: ListParameters) -> Iterator[dict[str, Any]]:
    for name, parameter in grammar.filters.items():
        one: dict[str, Any] = {"type": parameter.json_type}
        value: Any = {"integer": 1, "number": 1.5, "boolean": True}.get(parameter.json_type, "x")
        words = f"{WORDS[parameter.test]} {parameter.field.name}."
        schema, example = ({"type": "array", "items": one}, [value]) if parameter.repeatable else (one, value)
        yield {"in": "query", "name": name, "description": words, "schema": schema, "example": example}


def _controls(grammar: ListParameters) -> Iterator[dict[str, Any]]:
    name = next(iter(grammar.sortable))
    whole = {"type": "integer", "minimum": 0}
    size = {"type": "integer", "minimum": 1, "maximum": MOST}
    text = {"type": "string"}
    for parameter, words, schema, example in (
        ("q", "Holds this text, in any text field, whatever its case.", text, "x"),
        ("_sort", "Fields to sort by, separated by commas; `-` before one turns it round.", text, name),
        ("_order", "`asc` or `desc` for each field of `_sort`.", text, "asc"),
        ("_start", "How many to pass over.", whole, 0),
        ("_end", "The position before which to stop.", {**whole, "minimum": 1}, 10),
        ("_limit", "How many at most.", size, 10),
        ("_page", "The page, from 1, of `_limit` records each.", {**whole, "minimum": 1}, 1),
        ("_after", "Only ids above this one: for lists that are read to their end.", whole, 0),
        ("_fields", "The fields to show, separated by commas.", text, ",".join(grammar.names[:2])),
    ):
        yield {"in": "query", "name": parameter, "description": words, "schema": schema, "example": example}
