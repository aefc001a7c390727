"""A route as an OpenAPI operation: from its decorators, path, method and access rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from aiohttp import web

from service.auth.permissions import rule_of
from service.errors import HTTPError, phrase_of
from service.http.path_template import plain, variables
from service.http.request_body import JSON, MERGE_PATCH
from service.http.strict_json import MAX_INTEGER
from service.openapi import error_responses
from service.openapi.schemas import Schemas

Json = dict[str, Any]

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
MEMBERS = ("summary", "description", "tags", "operationId", "deprecated", "externalDocs")


def describe(route: web.RouteDef, plugin: str, schemas: Schemas) -> Json:
    """Return the operation object of a route. Components are given by name; apispec inserts the references."""
    declared = getattr(route.handler, "__apispec__", {"schemas": [], "parameters": [], "responses": {}})
    rule = rule_of(route.handler)
    parameters, body = _parameters(route, declared, schemas), _body(route, declared, schemas)
    query = any(isinstance(it, dict) and it.get("in") == "query" for it in parameters)
    write = route.method not in SAFE
    implied = error_responses.implied(rule, body=bool(body), query=query, path="{" in route.path, write=write)
    stated = _declared_responses(declared)
    known = [*(error.example() for error in implied), *declared.get("errors", ()), *_declared_errors(stated)]
    return {
        **_description(route, plugin, declared),
        "parameters": parameters,
        **body,
        "responses": _responses(stated, declared, schemas) | error_responses.described(known),
        "security": [] if rule and not rule.token else [{"bearerAuth": []}],
    }


def _description(route: web.RouteDef, plugin: str, declared: Json) -> Json:
    slug = re.sub(r"\W+", "_", f"{route.method.lower()}{plain(route.path)}").strip("_")
    summary, _, description = (getdoc(route.handler) or slug).partition("\n\n")
    derived = {
        "tags": [plugin],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": description,
        "operationId": slug,
    }
    return {name: it for name, it in {**derived, **declared}.items() if name in MEMBERS and it}


def _parameters(route: web.RouteDef, declared: Json, schemas: Schemas) -> list[Json | str]:
    """Return the variables of the path, updated with what decorators set, then the other parameters."""
    in_path = {
        name: {"in": "path", "name": name, "required": True, "schema": _variable(pattern)}
        for name, pattern in variables(route.path).items()
    }
    others: list[Json | str] = []
    for stated in (*_fields(declared, schemas), *declared["parameters"]):
        if isinstance(stated, dict) and stated.get("in") == "path" and stated.get("name") in in_path:
            in_path[stated["name"]] |= stated
        else:
            others.append(stated)
    return [*in_path.values(), *others]


def _fields(declared: Json, schemas: Schemas) -> Iterator[Json]:
    for entry in declared["schemas"]:
        if entry["location"] != "json":
            yield from schemas.parameters(entry["schema"], entry["location"])


def _variable(pattern: str) -> Json:
    """Return the schema of a path variable: an integer if the pattern matches nothing else."""
    if pattern and re.fullmatch(pattern, "1") and not re.fullmatch(pattern, "a"):
        return {"type": "integer", "minimum": 0 if re.fullmatch(pattern, "0") else 1, "maximum": MAX_INTEGER}
    return {"type": "string", **({"pattern": f"^{pattern}$"} if pattern else {})}


def _body(route: web.RouteDef, declared: Json, schemas: Schemas) -> Json:
    for entry in declared["schemas"]:
        if entry["location"] == "json":
            media: Json = {"schema": schemas.view(entry["schema"], "new" if route.method == "POST" else "change")}
            example = {name: it for name, it in entry["example"].items() if name != "add_to_refs"}
            media |= {"example": example} if example else {}
            types = MERGE_PATCH if route.method == "PATCH" else JSON
            return {"requestBody": {"required": True, "content": dict.fromkeys(types, media)}}
    return {}


def _responses(stated: dict[int, Json], declared: Json, schemas: Schemas) -> Json:
    given = {status: it for status, it in stated.items() if not _is_error(status, it)} or {200: {}}
    return {str(status): _response(status, it, declared, schemas) for status, it in given.items()}


def _response(status: int, entry: Json, declared: Json, schemas: Schemas) -> Json:
    headers = {name: name for name in ("X-Request-ID", *entry.get("headers", ()))}
    response: Json = {"description": entry.get("description") or phrase_of(status), "headers": headers}
    media: Json = {"example": entry["example"]} if "example" in entry else {}
    if "schema" in entry:
        media["schema"] = schemas.view(entry["schema"], "response")
    if media:
        response["content"] = {declared.get("produces", JSON)[0]: media}
    return response


def _declared_errors(stated: dict[int, Json]) -> list[HTTPError]:
    return [HTTPError(status, it.get("description")) for status, it in stated.items() if _is_error(status, it)]


def _is_error(status: int, entry: Json) -> bool:
    """Return whether a response has the usual error body: its description is then the message."""
    return status >= HTTPStatus.BAD_REQUEST and "schema" not in entry


def _declared_responses(declared: Json) -> dict[int, Json]:
    """Return the responses that decorators set, by status; several for one status are merged."""
    stated: dict[int, Json] = {}
    for status, entry in declared["responses"].items():
        stated.setdefault(int(status), {}).update({name: it for name, it in entry.items() if it})
    return stated
