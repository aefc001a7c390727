"""The answers: JSON bytes with the headers that every answer has."""

from __future__ import annotations

from aiohttp import hdrs, web

from service.errors import Headers

NO_STORE = "no-store"
NO_CACHE = "no-cache"
"""May be kept, but asked about before each use (with If-None-Match)."""

STANDING = {
    hdrs.SERVER: "shipyard",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    hdrs.CACHE_CONTROL: NO_STORE,
}
"""What every answer says unless it says otherwise."""


class Answer(web.Response):
    """An answer of JSON bytes, or of none, with the standing headers."""

    def __init__(self, body: bytes | None = None, status: int = 200, headers: Headers | None = None) -> None:
        """`headers` beat the standing ones."""
        said = STANDING if headers is None else {**STANDING, **headers}
        super().__init__(body=body, status=status, headers=said)
        if body is not None:
            self.headers[hdrs.CONTENT_TYPE] = "application/json"


def complete(response: web.StreamResponse) -> None:
    """Give a response that a plugin made the standing headers it lacks."""
    if not isinstance(response, Answer) and not response.prepared:
        for name, value in STANDING.items():
            response.headers.setdefault(name, value)
