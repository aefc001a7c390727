"""Every error that a client can get, in one catalogue; and the error that stops the start.

Handlers raise an entry by calling it: `raise errors.RECORD_NOT_FOUND()`. The API description and docs/errors.md list
all entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any

import orjson

Headers = Mapping[Any, str]
"""Names may be aiohttp's `istr`, a `str` that a Mapping of `str` does not accept."""
Message = str | Mapping[str, Any]
"""A text, or texts by field as marshmallow has them: {"crew": ["Not a valid integer."]}."""

MAX_TEXTS = 20
"""Fields of one object or list whose errors a response has."""

PHRASES = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}
"""The reason phrases that Python 3.13 changed; clients see the same ones on every Python."""


class StartupError(Exception):
    """The service cannot start: which file, key or plugin is wrong, why, and what would be right."""


class HTTPError(Exception):
    """An error response, raised anywhere while a request is handled.

    message: for people, a text or texts by field. error: the reason phrase of the status by default.
    code: snake_case, for programs; derived from `error` by default.
    """

    def __init__(
        self,
        status: int,
        message: Message | None = None,
        *,
        error: str | None = None,
        code: str | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.error = error or phrase_of(status)
        self.message = f"{self.error}." if message is None else _capped(message)
        self.code = code or self.error.lower().replace(" ", "_").replace("-", "_")
        self.headers: dict[str, str] = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """Return the JSON of the response."""
        document = {"error": self.error, "message": self.message, "code": self.code, "request_id": request_id}
        # marshmallow has the numbers of list items as keys.
        return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorType:
    """An entry of the catalogue; call it to make the HTTPError to raise.

    message: a text, in which {name} stands for a value of the call; or an example of the texts by field.
    values: example values for the text, as documented.
    """

    status: int
    message: Message
    code: str | None = None
    error: str | None = None
    headers: Headers = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, message: Message | None = None, *, headers: Headers | None = None, **values: Any) -> HTTPError:
        """Return the error, with a message of its own if one is given, and with more headers."""
        text = self.message if message is None else message
        if isinstance(text, str) and values:
            text = text.format_map(values)
        given = {**self.headers, **(headers or {})}
        return HTTPError(self.status, text, error=self.error, code=self.code, headers=given)

    def example(self) -> HTTPError:
        """Return the error as it is documented."""
        return self(**self.values)


def _capped(message: Any) -> Any:
    """Return a message with at most MAX_TEXTS fields on each level, so that a response stays small."""
    if not isinstance(message, Mapping):
        return message
    return {name: _capped(texts) for name, texts in islice(message.items(), MAX_TEXTS)}


def phrase_of(status: int) -> str:
    """Return the reason phrase of a status, the same on every Python."""
    return PHRASES.get(status) or HTTPStatus(status).phrase


def catalogue() -> dict[str, ErrorType]:
    """Return all entries by name, ordered by status."""
    found = {name: it for name, it in globals().items() if isinstance(it, ErrorType)}
    return dict(sorted(found.items(), key=lambda entry: entry[1].status))


CLOSE = {"Connection": "close"}
SOON = {"Retry-After": "1"}
BEARER = {"WWW-Authenticate": "Bearer"}
BAD_TOKEN = {"WWW-Authenticate": 'Bearer error="invalid_token"'}

MALFORMED_REQUEST = ErrorType(400, "The request is malformed.", headers=CLOSE)
MALFORMED_HOST = ErrorType(400, "The Host header is malformed.", headers=CLOSE)
BROKEN_BODY = ErrorType(400, "The body is badly encoded.", headers=CLOSE)
INVALID_JSON = ErrorType(
    400,
    "Not valid JSON: {reason}",
    "invalid_json",
    values={"reason": "unexpected end of data: line 1 column 2 (char 1)"},
)
NOT_AN_OBJECT = ErrorType(400, {"_schema": ["Invalid input type."]}, "validation_failed")
VALIDATION_FAILED = ErrorType(400, {"colour": ["Unknown field."]}, "validation_failed")
CREDENTIALS_MISSING = ErrorType(400, "Username or password missing.", "validation_failed")
ID_MISMATCH = ErrorType(400, "Request data id has to match resource id.", "id_mismatch")
INVALID_PARAMETERS = ErrorType(400, {"colour": ["Unknown parameter."]}, "invalid_parameters")
INVALID_IDEMPOTENCY_KEY = ErrorType(
    400, {"Idempotency-Key": ["Must be 1 to 255 visible ASCII characters."]}, "invalid_header"
)
DUPLICATE_AUTHORIZATION = ErrorType(
    400,
    "More than one Authorization header.",
    "invalid_request",
    headers={"WWW-Authenticate": 'Bearer error="invalid_request"'},
)
ALREADY_EXISTS = ErrorType(400, "{noun} already exists.", "already_exists", values={"noun": "User"})
DUPLICATE_VALUE = ErrorType(400, {"name": ["Already taken."]}, "already_exists")
VALUE_TOO_LONG = ErrorType(400, "A value is too long for an indexed field.", "too_long")

CREDENTIALS_INVALID = ErrorType(401, "Username or password invalid.", headers=BEARER)
TOKEN_MISSING = ErrorType(
    401, "Send a token: Authorization: Bearer <token>.", error="Missing Authorization Header", headers=BEARER
)
UNSUPPORTED_SCHEME = ErrorType(
    401, "The Authorization header must be: Bearer <token>.", error="Unsupported Authorization Scheme", headers=BEARER
)
TOKEN_EXPIRED = ErrorType(
    401, "Refresh the access token, or log in again.", error="Token has expired", headers=BAD_TOKEN
)
TOKEN_REVOKED = ErrorType(401, "Log in again.", error="Token has been revoked", headers=BAD_TOKEN)
TOKEN_INVALID = ErrorType(401, "This service did not issue this token.", error="Token is invalid", headers=BAD_TOKEN)
UNKNOWN_USER = ErrorType(401, "Unknown user.", "unknown_user", headers=BAD_TOKEN)

FORBIDDEN = ErrorType(403, "You do not have access to this.")
NOT_OWNER = ErrorType(403, "Only the user with this id has access to this.")
ROUTE_NOT_FOUND = ErrorType(404, "There is nothing at this path.")
RECORD_NOT_FOUND = ErrorType(404, "There is no record with this id.")
METHOD_NOT_ALLOWED = ErrorType(
    405,
    "This path supports {allow}.",
    headers={"Allow": "GET, HEAD, OPTIONS"},
    values={"allow": "GET, HEAD, OPTIONS"},
)
BODY_TIMEOUT = ErrorType(408, "The body was not received in time.", headers=CLOSE)
IDEMPOTENCY_KEY_IN_USE = ErrorType(409, "A request with this Idempotency-Key is still being processed.", headers=SOON)
RECORD_CHANGED = ErrorType(412, "The record has changed: read it again, then decide.", headers={"ETag": '"7"'})
BODY_TOO_LARGE = ErrorType(
    413, "The body must not have more than {limit} bytes.", headers=CLOSE, values={"limit": 65536}
)
UNSUPPORTED_MEDIA_TYPE = ErrorType(
    415,
    "The body must be {media_type}, in UTF-8.",
    headers={"Accept-Post": "application/json"},
    values={"media_type": "application/json"},
)
COMPRESSED_BODY = ErrorType(415, "The body must not be compressed.", headers={"Accept-Post": "application/json"})
EXPECTATION_FAILED = ErrorType(417, "Only 100-continue can be expected.", headers=CLOSE)
ACCESS_TOKEN_REQUIRED = ErrorType(
    422, "Send the access token of a login.", "access_token_required", "Only access tokens are allowed"
)
REFRESH_TOKEN_REQUIRED = ErrorType(
    422, "Send the refresh token of a login.", "refresh_token_required", "Only refresh tokens are allowed"
)
IDEMPOTENCY_KEY_REUSED = ErrorType(422, "This Idempotency-Key was used for another request.", "idempotency_key_reused")
IF_MATCH_REQUIRED = ErrorType(428, "If-Match is required: send the ETag of the record you have read.")

INTERNAL_ERROR = ErrorType(500, "The cause is in the log of the service, under this request_id.")
OVERLOADED = ErrorType(503, "Too many requests at once.", headers=SOON)
TOO_MANY_LOGINS = ErrorType(503, "Too many logins at once.", headers=SOON)
STORE_UNAVAILABLE = ErrorType(503, "The store is not available; try again.", headers=SOON)
OUTCOME_UNKNOWN = ErrorType(503, "The outcome is unknown: read the record before you try again.", headers=SOON)
NOT_READY = ErrorType(503, "Not ready: {failing}.", headers=SOON, values={"failing": "store"})
STORAGE_FULL = ErrorType(507, "The storage is full; nothing was saved.")
