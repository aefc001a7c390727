"""The refusals of an operation: which ones follow from its rule and from what it reads, and how all are described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from service.access import Rule, unauthorized
from service.errors import Refusal, phrase_of
from service.openapi.components import REQUEST_ID
from service.refusals import refusal_of
from service.store.base import Full, Unavailable

Json = dict[str, Any]

BODY = (
    Refusal(400, {"colour": ["Unknown field."]}, code="validation_failed"),
    Refusal(400, {"_schema": ["Invalid input type."]}, code="validation_failed"),
    Refusal(400, "Not valid JSON: unexpected end of data: line 1 column 2 (char 1)", code="invalid_json"),
    Refusal(408, "The body did not come in time."),
    Refusal(413, "The body must not have more than 65536 bytes."),
    Refusal(415, "The body must be application/json, in UTF-8."),
)
QUERY = (Refusal(400, {"colour": ["Unknown parameter."]}, code="invalid_parameters"),)
TOKEN = (
    Refusal(400, "More than one Authorization header.", code="invalid_request"),
    unauthorized("Missing Authorization Header"),
    unauthorized("Token has expired"),
    unauthorized("Token has been revoked"),
    unauthorized("Token is invalid"),
    unauthorized("Unauthorized", "Unknown user.", code="unknown_user"),
)
WRITE = (refusal_of(Full()),)
ALWAYS = (Refusal(500), Refusal(503, "Too many requests at once."), refusal_of(Unavailable("")))

HEADERS = {
    401: "WWW-Authenticate",
    409: "Retry-After",
    412: "ETag",
    415: "Accept-Post",
    429: "Retry-After",
    503: "Retry-After",
}


def implied(rule: Rule | None, *, body: bool, query: bool, path: bool, write: bool) -> Iterator[Refusal]:
    """What a route under this rule refuses if it reads a body, a query, variables of its path, and if it writes."""
    if body:
        yield from BODY
    if query:
        yield from QUERY
    if rule is None or rule.token:
        yield from TOKEN
    if rule is not None and rule.token:
        yield Refusal(422, error=f"Only {rule.token} tokens are allowed", code=f"{rule.token}_token_required")
    if rule is not None and rule.own:
        yield Refusal(403)
    if path:
        yield Refusal(404)
    if write:
        yield from WRITE
    yield from ALWAYS


def described(refusals: Iterable[Refusal]) -> dict[str, Json]:
    """Response objects by status; the texts of one status are the examples of its one response."""
    by_status: dict[int, list[Refusal]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    return {str(status): _response(status, by_status[status]) for status in sorted(by_status)}


def _response(status: int, refusals: list[Refusal]) -> Json:
    names = ["X-Request-ID", *([HEADERS[status]] if status in HEADERS else [])]
    examples = {_name(it): {"value": orjson.loads(it.body(REQUEST_ID))} for it in refusals}
    return {
        "description": phrase_of(status),
        "headers": {name: name for name in names},
        "content": {"application/json": {"schema": "Error", "examples": examples}},
    }


def _name(refusal: Refusal) -> str:
    """A name for an example: the words that tell it from the others of its status."""
    said = refusal.message or refusal.error
    text = said if isinstance(said, str) else next(iter(said.values()))[0]
    return re.sub(r"\W+", "_", text).strip("_").lower()
