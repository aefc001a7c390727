"""Cross-origin requests (Fetch standard, 3.2): for the origins that the setting cors.origins lists, and no others."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web

from service.http.response import JSONResponse

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID"
EXPOSED = "ETag, Link, Location, Retry-After, X-Request-ID, X-Total-Count"


class Cors:
    """Lets the pages of listed origins ask, and read the answers."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def is_preflight(self, request: web.Request) -> bool:
        """Whether a browser asks what a listed origin may do; it sends no token with that."""
        headers = request.headers
        asks = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in headers
        return asks and headers.get(hdrs.ORIGIN) in self._origins

    def preflight(self) -> JSONResponse:
        """What it may do."""
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: "600",
        }
        return JSONResponse(status=204, headers=headers)

    def allow(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the page that has asked read the answer, if its origin is listed."""
        if response.prepared:
            return
        vary = response.headers.get(hdrs.VARY)
        response.headers[hdrs.VARY] = f"{vary}, {hdrs.ORIGIN}" if vary else hdrs.ORIGIN
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin in self._origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
