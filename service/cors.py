"""Cross-origin requests (Fetch standard, 3.2): for the origins that the setting cors.origins lists, and no others."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from service.answer import Answer

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID"
EXPOSED = "ETag, Link, Location, Retry-After, X-Request-ID, X-Total-Count"


def cors(origins: Collection[str]) -> Middleware:
    """Answer preflights before anything asks for a token, and let listed origins read the answers."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        listed = origin in origins
        if listed and request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            response: web.StreamResponse = _preflight()
        else:
            response = await handler(request)
        if not response.prepared:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
            if listed and origin is not None:
                response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
                response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
        return response

    return middleware


def _preflight() -> Answer:
    headers = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: HEADERS,
        hdrs.ACCESS_CONTROL_MAX_AGE: "600",
    }
    return Answer(status=204, headers=headers)
