"""Reading an API document as its users' tools do."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]


def operations(document: Json) -> Iterator[tuple[tuple[str, str], Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield (method.upper(), path), operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in node if key == "$ref")
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(inner)


def resolve(document: Json, reference: str) -> Json:
    """Raises KeyError where a reference leads nowhere."""
    return functools.reduce(lambda node, name: node[name], reference.removeprefix("#/").split("/"), document)


def answered(document: Json, path: str) -> Json:
    media: Json = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return media


def exemplified(document: Json) -> Iterator[tuple[tuple[str, ...], Json, list[Any]]]:
    """Where there is a schema to fill, the schema, and the examples of it."""
    for where, operation in operations(document):
        places = {("body", media): it for media, it in operation.get("requestBody", {"content": {}})["content"].items()}
        for parameter in operation["parameters"]:
            it = resolve(document, parameter["$ref"]) if "$ref" in parameter else parameter
            places[it["in"], it["name"]] = it
        for status, answer in operation["responses"].items():
            places |= {(status, media): it for media, it in answer.get("content", {}).items()}
        for place, it in places.items():
            many = [example["value"] for example in it.get("examples", {}).values()]
            one = [it["example"]] if "example" in it else []
            schema = it.get("schema", {})
            yield (*where, *place), schema, [*one, *many, *schema.get("examples", ())]


def validator(document: Json, schema: Json) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})
