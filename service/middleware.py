"""The middleware: request ids, CORS, authorization, error handling, metrics, the access log."""

from __future__ import annotations

import re
from collections.abc import Sized
from functools import lru_cache
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from service import errors
from service.auth.permissions import Rule, authorize, probe, rule_of
from service.http.app_keys import REQUEST_ID
from service.http.cors import Cors
from service.http.error_handlers import handle_exception
from service.http.request_id import HEADER, new_request_id
from service.http.response import JSONResponse
from service.ops.access_log import log_access
from service.ops.metrics import Metrics
from service.settings.schema import Settings

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
MAX_PORT = 65_535


def middleware(settings: Settings, metrics: Metrics | None, on_response_prepare: Sized) -> Middleware:
    """Return the middleware of an app: one function, because each further one adds half a microsecond to every request.

    on_response_prepare: the app's signal; responses are written in one piece only if no plugin handles it.
    """
    max_in_flight, in_flight = settings.limits.in_flight, 0
    cors = Cors(settings.cors.origins) if settings.cors.origins else None

    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal in_flight
        begin, route = perf_counter(), request.match_info.route
        request[REQUEST_ID] = request_id = new_request_id(request.headers.get(HEADER))
        in_flight += 1
        try:
            if cors is not None and cors.is_preflight(request):
                response: web.StreamResponse = cors.preflight()
            else:
                rule = checked_rule(request, route, full=in_flight > max_in_flight)
                if rule is not None and rule.token is not None:
                    await authorize(rule, request)
                response = await handler(request)
                if type(response) is not JSONResponse and not isinstance(response, web.StreamResponse):
                    raise TypeError(f"{route.handler!r} returned {type(response)}, not a response")
        except BaseException as error:  # SystemExit too: a handler must not end the process
            response = handle_exception(error, request)
        finally:
            in_flight -= 1
        if cors is not None:
            cors.allow(request, response)
        if type(response) is JSONResponse and len(on_response_prepare) == 1:
            response.request_id = request_id
        seconds = perf_counter() - begin
        if metrics is not None:
            metrics.observe(request.method, route.resource, response.status, seconds)
        if settings.access_log:
            log_access(request, response, seconds)
        return response

    return handle


def checked_rule(request: web.Request, route: web.AbstractRoute, *, full: bool) -> Rule | None:
    """Return the access rule of a request's route; None if aiohttp found no route.

    Raises HTTPError: 400 for a malformed Host, 503 if too many requests are in flight (`full`), 403 for a route without
    a rule (the app does not start with one).
    """
    if not _is_host(request.headers.get(hdrs.HOST, "-")):
        raise errors.MALFORMED_HOST()
    rule = rule_of(route.handler)
    if full and rule is not probe:
        raise errors.OVERLOADED()
    if rule is None and request.match_info.http_exception is None:
        raise errors.FORBIDDEN()
    return rule


@lru_cache(1024)
def _is_host(host: str) -> bool:
    """Return whether a Host header is well-formed (RFC 9110, 7.2)."""
    match = HOST.fullmatch(host)
    return match is not None and int((match[2] or ":0")[1:]) <= MAX_PORT
