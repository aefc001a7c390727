"""The one shape of a refusal, and the one of a start that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

Headers = Mapping[Any, str]
"""Names may be aiohttp's `istr`, a `str` that a Mapping of `str` does not take."""


PHRASES = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}
"""Those that Python 3.13 has changed: what clients are told must not depend on the Python it runs on."""


class StartupError(Exception):
    """The service cannot start: what is wrong, where, and what would be right, in words for whoever started it."""


class HTTPError(Exception):
    """A request that gets an error answer, raised anywhere on its way.

    message: a text, or a text or texts by field; left out where there is nothing to say beyond `error`.
    error: the reason phrase of the status if not given. code: snake_case, for programs; from `error` if not given.
    """

    def __init__(
        self,
        status: int,
        message: str | Mapping[str, Any] | None = None,
        *,
        error: str | None = None,
        code: str | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.error = error or phrase_of(status)
        self.code = code or self.error.lower().replace(" ", "_").replace("-", "_")
        self.headers: dict[str, str] = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """The JSON of the answer."""
        said = {} if self.message is None else {"message": self.message}
        document = {"error": self.error, **said, "code": self.code, "request_id": request_id}
        # marshmallow names an element of a list by its number.
        return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)


def phrase_of(status: int) -> str:
    """The reason phrase of a status, on every Python the same."""
    return PHRASES.get(status) or HTTPStatus(status).phrase
