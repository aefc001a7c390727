"""The refusals of an operation: which ones follow from its rule and from what it reads, and how all are described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from service.auth.permissions import Rule, unauthorized
from service.errors import HTTPError, phrase_of
from service.http.error_handlers import refusal_of
from service.openapi.components import REQUEST_ID
from service.store.base import StorageFull, StoreUnavailable

Json = dict[str, Any]

BODY = (
    HTTPError(400, {"colour": ["Unknown field."]}, code="validation_failed"),
    HTTPError(400, {"_schema": ["Invalid input type."]}, code="validation_failed"),
    HTTPError(400, "Not valid JSON: unexpected end of data: line 1 column 2 (char 1)", code="invalid_json"),
    HTTPError(408, "The body did not come in time."),
    HTTPError(413, "The body must not have more than 65536 bytes."),
    HTTPError(415, "The body must be application/json, in UTF-8."),
)
QUERY = (HTTPError(400, {"colour": ["Unknown parameter."]}, code="invalid_parameters"),)
TOKEN = (
    HTTPError(400, "More than one Authorization header.", code="invalid_request"),
    unauthorized("Missing Authorization Header"),
    unauthorized("Token has expired"),
    unauthorized("Token has been revoked"),
    unauthorized("Token is invalid"),
    unauthorized("Unauthorized", "Unknown user.", code="unknown_user"),
)
WRITE = (refusal_of(StorageFull()),)
ALWAYS = (HTTPError(500), HTTPError(503, "Too many requests at once."), refusal_of(StoreUnavailable("")))

HEADERS = {
    401: "WWW-Authenticate",
    409: "Retry-After",
    412: "ETag",
    415: "Accept-Post",
    429: "Retry-After",
    503: "Retry-After",
}


def implied(rule: Rule | None, *, body: bool, query: bool, path: bool, write: bool) -> Iterator[HTTPError]:
    """What a route under this rule refuses if it reads a body, a query, variables of its path, and if it writes."""
    if body:
        yield from BODY
    if query:
        yield from QUERY
    if rule is None or rule.token:
        yield from TOKEN
    if rule is not None and rule.token:
        yield HTTPError(422, error=f"Only {rule.token} tokens are allowed", code=f"{rule.token}_token_required")
    if rule is not None and rule.own:
        yield HTTPError(403)
    if path:
        yield HTTPError(404)
    if write:
        yield from WRITE
    yield from ALWAYS


def described(refusals: Iterable[HTTPError]) -> dict[str, Json]:
    """Response objects by status; the texts of one status are the examples of its one response."""
    by_status: dict[int, list[HTTPError]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    return {str(status): _response(status, by_status[status]) for status in sorted(by_status)}


def _response(status: int, refusals: list[HTTPError]) -> Json:
    names = ["X-Request-ID", *([HEADERS[status]] if status in HEADERS else [])]
    examples = {_name(it): {"value": orjson.loads(it.body(REQUEST_ID))} for it in refusals}
    return {
        "description": phrase_of(status),
        "headers": {name: name for name in names},
        "content": {"application/json": {"schema": "Error", "examples": examples}},
    }


def _name(refusal: HTTPError) -> str:
    """A name for an example: the words that tell it from the others of its status."""
    said = refusal.message or refusal.error
    text = said if isinstance(said, str) else next(iter(said.values()))[0]
    return re.sub(r"\W+", "_", text).strip("_").lower()
