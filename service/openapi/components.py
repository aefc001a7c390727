"""What the operations share: the shape of a refusal, headers, parameters, and how the caller is known."""

from __future__ import annotations

from typing import Any

from apispec.core import Components

Json = dict[str, Any]

REQUEST_ID = "5f0c8e6d2b7a4913"
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}

BEARER: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` that `POST /auth/login` answers; to refresh, the `refresh_token`.",
}

ERROR: Json = {
    "type": "object",
    "description": "What every refusal looks like, whatever the reason.",
    "required": ["error", "code", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "The reason, for people."},
        "message": {
            "description": "What is wrong, or the texts by field; absent where `error` says it all.",
            "anyOf": [TEXT, {"type": "object", "additionalProperties": True}],
        },
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "The reason, for programs."},
        "request_id": {"type": "string", "description": "Names this request in the log."},
    },
    "additionalProperties": False,
    "examples": [{"error": "Not Found", "code": "not_found", "request_id": REQUEST_ID}],
}

# name: what it says, its schema, an example
HEADERS: dict[str, tuple[str, Json, Any]] = {
    "Accept-Post": ("The media types that are read here.", TEXT, "application/json"),
    "ETag": ("The state of the record, for `If-Match` and `If-None-Match`.", TEXT, '"7"'),
    "Link": ("First, previous, next and last page (RFC 8288).", TEXT, '</api/ships?_page=2&_limit=10>; rel="next"'),
    "Location": ("Where the new record is.", {**TEXT, "format": "uri"}, "http://localhost:5000/api/ships/16"),
    "Retry-After": ("Seconds to wait before the next try.", COUNT, 1),
    "WWW-Authenticate": ("How a caller is known here (RFC 6750).", TEXT, 'Bearer error="invalid_token"'),
    "X-Request-ID": ("Names this request in the log.", TEXT, REQUEST_ID),
    "X-Total-Count": ("How many records match in all.", COUNT, 15),
}

# Request headers that a mark asks for by name: docs(parameters=["If-Match"]).
PARAMETERS: dict[str, tuple[str, Json, Any]] = {
    "Idempotency-Key": ("Makes a request that is sent again count once.", TEXT, "9b2e4c1a"),
    "If-Match": ("Go on only if the record still is in this state; else 412.", TEXT, '"7"'),
    "If-None-Match": ("Answer 304 if the record still is in this state.", TEXT, '"7"'),
}


def declare(components: Components) -> None:
    """Make all of it known; headers and parameters appear in the document once something refers to them."""
    components.schema("Error", ERROR)
    components.security_scheme("bearerAuth", BEARER)
    for name, (says, schema, example) in HEADERS.items():
        components.header(name, {"description": says, "schema": schema, "example": example}, lazy=True)
    for name, (says, schema, example) in PARAMETERS.items():
        parameter = {"name": name, "description": says, "schema": schema, "example": example}
        components.parameter(name, "header", parameter, lazy=True)
