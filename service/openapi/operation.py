"""One route as an OpenAPI operation: what its decorators state, and what follows from path, method and access rule."""

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
    """Return the operation object of a route, with names of components for which apispec inserts references."""
    marks = getattr(route.handler, "__apispec__", {"schemas": [], "parameters": [], "responses": {}})
    rule = rule_of(route.handler)
    parameters, body = _parameters(route, marks, schemas), _body(route, marks, schemas)
    query = any(isinstance(it, dict) and it.get("in") == "query" for it in parameters)
    write = route.method not in SAFE
    implied = error_responses.implied(rule, body=bool(body), query=query, path="{" in route.path, write=write)
    stated = _stated(marks)
    known = [*(error.example() for error in implied), *marks.get("errors", ()), *_stated_errors(stated)]
    return {
        **_description(route, plugin, marks),
        "parameters": parameters,
        **body,
        "responses": _responses(stated, marks, schemas) | error_responses.described(known),
        "security": [] if rule and not rule.token else [{"bearerAuth": []}],
    }


def _description(route: web.RouteDef, plugin: str, marks: Json) -> Json:
    slug = re.sub(r"\W+", "_", f"{route.method.lower()}{plain(route.path)}").strip("_")
    summary, _, description = (getdoc(route.handler) or slug).partition("\n\n")
    derived = {
        "tags": [plugin],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": description,
        "operationId": slug,
    }
    return {name: it for name, it in {**derived, **marks}.items() if name in MEMBERS and it}


def _parameters(route: web.RouteDef, marks: Json, schemas: Schemas) -> list[Json | str]:
    """Return the variables of the path, with what decorators add to them, then the other parameters."""
    in_path = {
        name: {"in": "path", "name": name, "required": True, "schema": _variable(pattern)}
        for name, pattern in variables(route.path).items()
    }
    others: list[Json | str] = []
    for stated in (*_fields(marks, schemas), *marks["parameters"]):
        if isinstance(stated, dict) and stated.get("in") == "path" and stated.get("name") in in_path:
            in_path[stated["name"]] |= stated
        else:
            others.append(stated)
    return [*in_path.values(), *others]


def _fields(marks: Json, schemas: Schemas) -> Iterator[Json]:
    for mark in marks["schemas"]:
        if mark["location"] != "json":
            yield from schemas.parameters(mark["schema"], mark["location"])


def _variable(pattern: str) -> Json:
    """Return the schema of a path variable: an integer if the pattern matches nothing else."""
    if pattern and re.fullmatch(pattern, "1") and not re.fullmatch(pattern, "a"):
        return {"type": "integer", "minimum": 0 if re.fullmatch(pattern, "0") else 1, "maximum": MAX_INTEGER}
    return {"type": "string", **({"pattern": f"^{pattern}$"} if pattern else {})}


def _body(route: web.RouteDef, marks: Json, schemas: Schemas) -> Json:
    for mark in marks["schemas"]:
        if mark["location"] == "json":
            media: Json = {"schema": schemas.view(mark["schema"], "new" if route.method == "POST" else "change")}
            example = {name: it for name, it in mark["example"].items() if name != "add_to_refs"}
            media |= {"example": example} if example else {}
            types = MERGE_PATCH if route.method == "PATCH" else JSON
            return {"requestBody": {"required": True, "content": dict.fromkeys(types, media)}}
    return {}


def _responses(stated: dict[int, Json], marks: Json, schemas: Schemas) -> Json:
    given = {status: it for status, it in stated.items() if not _is_error(status, it)} or {200: {}}
    return {str(status): _response(status, it, marks, schemas) for status, it in given.items()}


def _response(status: int, mark: Json, marks: Json, schemas: Schemas) -> Json:
    headers = {name: name for name in ("X-Request-ID", *mark.get("headers", ()))}
    response: Json = {"description": mark.get("description") or phrase_of(status), "headers": headers}
    media: Json = {"example": mark["example"]} if "example" in mark else {}
    if "schema" in mark:
        media["schema"] = schemas.view(mark["schema"], "response")
    if media:
        response["content"] = {marks.get("produces", JSON)[0]: media}
    return response


def _stated_errors(stated: dict[int, Json]) -> list[HTTPError]:
    return [HTTPError(status, it.get("description")) for status, it in stated.items() if _is_error(status, it)]


def _is_error(status: int, mark: Json) -> bool:
    """Return whether a response has the usual error body: its description is then the message."""
    return status >= HTTPStatus.BAD_REQUEST and "schema" not in mark


def _stated(marks: Json) -> dict[int, Json]:
    """Return the responses that decorators state, by status; two for the same status are merged."""
    stated: dict[int, Json] = {}
    for status, mark in marks["responses"].items():
        stated.setdefault(int(status), {}).update({name: it for name, it in mark.items() if it})
    return stated
