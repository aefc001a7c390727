"""Examples for the parameters and bodies that have none, generated from their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00+00:00",
    "email": "someone@example.org",
    "ip": "192.0.2.1",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "url": "https://example.org/",
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
}


def exemplify(document: Json) -> Json:
    """Add an example to each parameter and body that has none, and return the same document."""
    schemas = document["components"]["schemas"]
    for media, left_out in _bodies(document):
        if "example" not in media and "examples" not in media:
            media["example"] = example(media["schema"], schemas, left_out)
    for parameter in _parameters(document):
        schema, given = parameter["schema"], parameter.pop("example", None)
        value = example(schema, schemas, name=parameter["name"]) if given is None else given
        # Swagger UI sends the example of a parameter, but not those of its schema: it must not send optional ones.
        if parameter.get("required"):
            parameter["example"] = value
        else:
            parameter["schema"] = {**schema, "examples": [value]}
    return document


def example(schema: Json, schemas: Json, left_out: str = "", name: str = "text") -> Any:
    """Return a value that `schema` allows: the one it contains, or a generated one.

    schemas: what a $ref may point to. left_out: properties with this flag are left out. name: the text of strings.
    """
    if "$ref" in schema:
        # The example of a recursive schema is null.
        target, rest = _followed(schema["$ref"], schemas)
        return example(target, rest, left_out, name) if target else None
    given = [schema[key] for key in ("example", "const", "default") if schema.get(key) is not None]
    given += [value for key in ("examples", "enum") for value in schema.get(key, ())]
    if given:
        return given[0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(schema[key][0], schemas, left_out, name)
    return _generated(schema, schemas, left_out, name)


def _followed(reference: str, schemas: Json) -> tuple[Json | None, Json]:
    """Return the target of a reference, and the schemas without it, so that recursion ends."""
    name = reference.rpartition("/")[2]
    return schemas.get(name), {other: it for other, it in schemas.items() if other != name}


def _generated(schema: Json, schemas: Json, left_out: str, name: str) -> Any:
    kind = schema.get("type", "null")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            shown = {key: it for key, it in schema.get("properties", {}).items() if not it.get(left_out)}
            made = {key: example(it, schemas, left_out, key) for key, it in shown.items()}
            return {key: it for key, it in made.items() if it is not None or key in schema.get("required", ())}
        case "array":
            return [example(schema.get("items", {}), schemas, left_out, name)] * max(1, schema.get("minItems", 1))
        case "integer" | "number":
            return schema.get("minimum", min(1, schema.get("maximum", 1)))
        case "boolean":
            return True
        case "string":
            return _text(schema, name)
    return None


def _text(schema: Json, name: str) -> str:
    if "pattern" in schema:
        return next((text for text in (name, "1", "a1") if re.search(schema["pattern"], text)), name)
    text: str = FORMATS.get(schema.get("format", ""), name)
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _parameters(document: Json) -> Iterator[Json]:
    shared = document["components"].get("parameters", {}).values()
    inline = (it for operation in _operations(document) for it in operation["parameters"])
    return (it for it in (*shared, *inline) if "schema" in it)


def _bodies(document: Json) -> Iterator[tuple[Json, str]]:
    """Return the bodies of requests and responses, with the flag of the properties that are left out of each."""
    for operation in _operations(document):
        sent = operation.get("requestBody", {}).get("content", {})
        received = (it.get("content", {}) for it in operation["responses"].values())
        yield from ((media, "readOnly") for media in sent.values())
        yield from ((media, "writeOnly") for content in received for media in content.values())


def _operations(document: Json) -> Iterator[Json]:
    return (operation for item in document["paths"].values() for operation in item.values())
