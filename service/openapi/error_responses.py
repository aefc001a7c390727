"""The error responses of an operation: those that follow from its access rule and input, and their description."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from service import errors
from service.auth.permissions import TOKEN_REQUIRED, Rule
from service.errors import ErrorType, HTTPError, phrase_of
from service.openapi.components import HEADERS, REQUEST_ID

Json = dict[str, Any]

BODY = (
    errors.VALIDATION_FAILED,
    errors.NOT_AN_OBJECT,
    errors.INVALID_JSON,
    errors.BROKEN_BODY,
    errors.BODY_TIMEOUT,
    errors.BODY_TOO_LARGE,
    errors.UNSUPPORTED_MEDIA_TYPE,
    errors.COMPRESSED_BODY,
)
TOKEN = (
    errors.DUPLICATE_AUTHORIZATION,
    errors.TOKEN_MISSING,
    errors.UNSUPPORTED_SCHEME,
    errors.TOKEN_EXPIRED,
    errors.TOKEN_REVOKED,
    errors.TOKEN_INVALID,
    errors.UNKNOWN_USER,
)
ALWAYS = (errors.INTERNAL_ERROR, errors.OVERLOADED, errors.STORE_UNAVAILABLE)


def implied(rule: Rule | None, *, body: bool, query: bool, path: bool, write: bool) -> Iterator[ErrorType]:
    """Return the errors of a route with this rule that reads a body, a query or path variables, or that writes."""
    if body:
        yield from BODY
    if query:
        yield errors.INVALID_PARAMETERS
    if rule is None or rule.token:
        yield from TOKEN
    if rule is not None and rule.token:
        yield TOKEN_REQUIRED[rule.token]
    if rule is not None and rule.own:
        yield errors.NOT_OWNER
    if path:
        yield from (errors.RECORD_NOT_FOUND, errors.ROUTE_NOT_FOUND)
    if write:
        yield from (errors.OUTCOME_UNKNOWN, errors.STORAGE_FULL)
    yield from ALWAYS


def described(found: Iterable[HTTPError]) -> dict[str, Json]:
    """Return response objects by status; the errors of one status are the examples of its one response."""
    by_status: dict[int, list[HTTPError]] = {}
    for error in found:
        by_status.setdefault(error.status, []).append(error)
    return {str(status): _response(status, by_status[status]) for status in sorted(by_status)}


def _response(status: int, found: list[HTTPError]) -> Json:
    always = [name for name in HEADERS if all(name in error.headers for error in found)]
    examples = {_name(error): {"value": orjson.loads(error.body(REQUEST_ID))} for error in found}
    return {
        "description": phrase_of(status),
        "headers": {name: name for name in ("X-Request-ID", *always)},
        "content": {"application/json": {"schema": "Error", "examples": examples}},
    }


def _name(error: HTTPError) -> str:
    """Return a name for an example, different for each error of a status."""
    specific = error.error if error.error != phrase_of(error.status) else error.message
    text = specific if isinstance(specific, str) else next(iter(specific.values()))[0]
    return re.sub(r"\W+", "_", text).strip("_").lower()
