"""One route as an OpenAPI operation: what its handler says about itself, and what follows from the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from aiohttp import web

from service.auth.permissions import rule_of
from service.errors import HTTPError, phrase_of
from service.http.request_body import JSON, MERGE_PATCH
from service.http.strict_json import LARGEST
from service.openapi import error_responses
from service.openapi.schemas import Schemas

Json = dict[str, Any]

VARIABLE = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})+))?\}")
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
WORDS = ("summary", "description", "tags", "operationId", "deprecated", "externalDocs")


def template(path: str) -> str:
    """The path as OpenAPI writes it: variables without their patterns."""
    return VARIABLE.sub(r"{\1}", path)


def describe(route: web.RouteDef, plugin: str, schemas: Schemas) -> Json:
    """The operation object of a route, with the names of components where apispec puts references."""
    marks = getattr(route.handler, "__apispec__", {"schemas": [], "parameters": [], "responses": {}})
    rule = rule_of(route.handler)
    parameters, body = _parameters(route, marks, schemas), _body(route, marks, schemas)
    query = any(isinstance(it, dict) and it.get("in") == "query" for it in parameters)
    write = route.method not in SAFE
    implied = error_responses.implied(rule, body=bool(body), query=query, path="{" in route.path, write=write)
    stated = _stated(marks)
    refused = [*implied, *marks.get("refusals", ()), *_refusals(stated)]
    return {
        **_words(route, plugin, marks),
        "parameters": parameters,
        **body,
        "responses": _answers(stated, marks, schemas) | error_responses.described(refused),
        "security": [] if rule and not rule.token else [{"bearerAuth": []}],
    }


def _words(route: web.RouteDef, plugin: str, marks: Json) -> Json:
    slug = re.sub(r"\W+", "_", f"{route.method.lower()}{template(route.path)}").strip("_")
    summary, _, description = (getdoc(route.handler) or slug).partition("\n\n")
    words = {
        "tags": [plugin],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": description,
        "operationId": slug,
    }
    return {name: it for name, it in {**words, **marks}.items() if name in WORDS and it}


def _parameters(route: web.RouteDef, marks: Json, schemas: Schemas) -> list[Json | str]:
    """The variables of the path, with what marks add to them, then all else that marks state."""
    variables = {
        name: {"in": "path", "name": name, "required": True, "schema": _variable(pattern)}
        for name, pattern in VARIABLE.findall(route.path)
    }
    others: list[Json | str] = []
    for stated in (*_fields(marks, schemas), *marks["parameters"]):
        if isinstance(stated, dict) and stated.get("in") == "path" and stated.get("name") in variables:
            variables[stated["name"]] |= stated
        else:
            others.append(stated)
    return [*variables.values(), *others]


def _fields(marks: Json, schemas: Schemas) -> Iterator[Json]:
    for mark in marks["schemas"]:
        if mark["location"] != "json":
            yield from schemas.parameters(mark["schema"], mark["location"])


def _variable(pattern: str) -> Json:
    """The schema of a path variable: a whole number where the pattern takes nothing else."""
    if pattern and re.fullmatch(pattern, "1") and not re.fullmatch(pattern, "a"):
        return {"type": "integer", "minimum": 0 if re.fullmatch(pattern, "0") else 1, "maximum": LARGEST}
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


def _answers(stated: dict[int, Json], marks: Json, schemas: Schemas) -> Json:
    given = {status: it for status, it in stated.items() if not _refuses(status, it)} or {200: {}}
    return {str(status): _answer(status, it, marks, schemas) for status, it in given.items()}


def _answer(status: int, mark: Json, marks: Json, schemas: Schemas) -> Json:
    headers = {name: name for name in ("X-Request-ID", *mark.get("headers", ()))}
    answer: Json = {"description": mark.get("description") or phrase_of(status), "headers": headers}
    media: Json = {"example": mark["example"]} if "example" in mark else {}
    if "schema" in mark:
        media["schema"] = schemas.view(mark["schema"], "answer")
    if media:
        answer["content"] = {marks.get("produces", JSON)[0]: media}
    return answer


def _refusals(stated: dict[int, Json]) -> list[HTTPError]:
    return [HTTPError(status, it.get("description")) for status, it in stated.items() if _refuses(status, it)]


def _refuses(status: int, mark: Json) -> bool:
    """A status from 400 without a schema is a refusal, and its description is what it says."""
    return status >= HTTPStatus.BAD_REQUEST and "schema" not in mark


def _stated(marks: Json) -> dict[int, Json]:
    """The answers that marks state; what two of them say of one status, in one."""
    stated: dict[int, Json] = {}
    for status, mark in marks["responses"].items():
        stated.setdefault(int(status), {}).update({name: it for name, it in mark.items() if it})
    return stated
