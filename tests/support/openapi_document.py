"""Helpers that read an API document."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]


def operations(document: Json) -> Iterator[tuple[tuple[str, str], Json]]:
    """Yield method and path, and the operation, of all operations."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield (method.upper(), path), operation


def references(node: Any) -> Iterator[str]:
    """Yield every $ref in a part of a document."""
    if isinstance(node, dict):
        yield from (node[key] for key in node if key == "$ref")
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(inner)


def resolve(document: Json, reference: str) -> Json:
    """Return what a reference refers to. Raises KeyError."""
    return functools.reduce(lambda node, name: node[name], reference.removeprefix("#/").split("/"), document)


def content_of_200(document: Json, path: str) -> Json:
    """Return the JSON content of the 200 response to GET."""
    media: Json = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return media


def schemas_with_examples(document: Json) -> Iterator[tuple[tuple[str, ...], Json, list[Any]]]:
    """Yield the location, the schema and the examples of every body, parameter and response."""
    for where, operation in operations(document):
        located = {
            ("body", media): it for media, it in operation.get("requestBody", {"content": {}})["content"].items()
        }
        for parameter in operation["parameters"]:
            it = resolve(document, parameter["$ref"]) if "$ref" in parameter else parameter
            located[it["in"], it["name"]] = it
        for status, response in operation["responses"].items():
            located |= {(status, media): it for media, it in response.get("content", {}).items()}
        for place, it in located.items():
            named = [example["value"] for example in it.get("examples", {}).values()]
            single = [it["example"]] if "example" in it else []
            schema = it.get("schema", {})
            yield (*where, *place), schema, [*single, *named, *schema.get("examples", ())]


def validator(document: Json, schema: Json) -> Draft202012Validator:
    """Return a validator of a schema of the document."""
    return Draft202012Validator({**schema, "components": document["components"]})
