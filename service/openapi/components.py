"""The components that operations share: the error schema, headers, parameters, and authentication."""

from __future__ import annotations

from typing import Any

import orjson
from apispec.core import Components

from service import errors

Json = dict[str, Any]

REQUEST_ID = "5f0c8e6d2b7a4913"
TEXT: Json = {"type": "string"}
KEY: Json = {"type": "string", "pattern": "^[!-~]{1,255}$"}
COUNT: Json = {"type": "integer", "minimum": 0}

BEARER: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` of `POST /auth/login`; where a refresh token is required, the `refresh_token`.",
}

ERROR: Json = {
    "type": "object",
    "description": "The body of every error response.",
    "required": ["error", "message", "code", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "The reason, for people."},
        "message": {
            "description": "What is wrong: a text, or texts by field.",
            "anyOf": [TEXT, {"type": "object", "additionalProperties": True}],
        },
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "The reason, for programs."},
        "request_id": {"type": "string", "description": "Identifies this request in the log."},
    },
    "additionalProperties": False,
    "examples": [orjson.loads(errors.RECORD_NOT_FOUND().body(REQUEST_ID))],
}

# name: (description, schema, example)
HEADERS: dict[str, tuple[str, Json, Any]] = {
    "Accept-Post": ("The media types that this route accepts.", TEXT, "application/json"),
    "ETag": ("The entity tag of the record, for `If-Match` and `If-None-Match`.", TEXT, '"7"'),
    "Link": ("The first, previous, next and last page (RFC 8288).", TEXT, '</api/ships?_page=2&_limit=10>; rel="next"'),
    "Location": ("The URL of the new record.", {**TEXT, "format": "uri"}, "http://localhost:5000/api/ships/16"),
    "Retry-After": ("Seconds to wait before trying again.", COUNT, 1),
    "WWW-Authenticate": ("How to authenticate (RFC 6750).", TEXT, 'Bearer error="invalid_token"'),
    "X-Request-ID": ("Identifies this request in the log.", TEXT, REQUEST_ID),
    "X-Total-Count": ("The number of records on all pages.", COUNT, 15),
}

# The request headers that `docs` accepts by name: docs(parameters=["If-Match"]).
PARAMETERS: dict[str, tuple[str, Json, Any]] = {
    "Idempotency-Key": (
        "Makes a request idempotent: sent again with the same key, it returns the first response.",
        KEY,
        "9b2e4c1a",
    ),
    "If-Match": ("Write only if the record still has this entity tag; otherwise 412.", TEXT, '"7"'),
    "If-None-Match": ("Respond with 304 if the record still has this entity tag.", TEXT, '"7"'),
}


def declare(components: Components) -> None:
    """Register all components; headers and parameters appear in the document once an operation refers to them."""
    components.schema("Error", ERROR)
    components.security_scheme("bearerAuth", BEARER)
    for name, (description, schema, example) in HEADERS.items():
        components.header(name, {"description": description, "schema": schema, "example": example}, lazy=True)
    for name, (description, schema, example) in PARAMETERS.items():
        parameter = {"name": name, "description": description, "schema": schema, "example": example}
        components.parameter(name, "header", parameter, lazy=True)
