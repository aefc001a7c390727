"""Cross-origin requests (Fetch standard, 3.2): for the origins that the setting cors.origins lists, and no others."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web

from service.http.response import JSONResponse

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID"
EXPOSED = "ETag, Link, Location, Retry-After, X-Request-ID, X-Total-Count"


class Cors:
    """Allows pages of the listed origins to send requests and to read the responses."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def is_preflight(self, request: web.Request) -> bool:
        """Return whether a request is the preflight of a listed origin. Browsers send it without a token."""
        headers = request.headers
        preflight = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in headers
        return preflight and headers.get(hdrs.ORIGIN) in self._origins

    def preflight(self) -> JSONResponse:
        """Return the response to a preflight."""
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: "600",
        }
        return JSONResponse(status=204, headers=headers)

    def allow(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add Vary and, for a listed origin, the headers that let its pages read the response."""
        if response.prepared:
            return
        vary = response.headers.get(hdrs.VARY)
        response.headers[hdrs.VARY] = f"{vary}, {hdrs.ORIGIN}" if vary else hdrs.ORIGIN
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin in self._origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
