"""What every request goes through on its way to a handler, and every answer on its way back."""

from __future__ import annotations

import re
from collections.abc import Sized
from functools import lru_cache
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from service.auth.permissions import Rule, authorize, probe, rule_of
from service.errors import HTTPError
from service.http.app_keys import REQUEST_ID
from service.http.cors import Cors
from service.http.error_handlers import answer_to
from service.http.request_id import HEADER, new_request_id
from service.http.response import JSONResponse, complete
from service.ops.access_log import log_access
from service.ops.metrics import Metrics
from service.settings.schema import Settings

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
PORTS = 65_536


def middleware(settings: Settings, metrics: Metrics | None, on_response_prepare: Sized) -> Middleware:
    """The whole way, in one function: each further middleware would cost every request half a microsecond."""
    most, in_flight, log_requests = settings.limits.in_flight, 0, settings.access_log
    cors = Cors(settings.cors.origins) if settings.cors.origins else None

    @web.middleware
    async def passage(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal in_flight
        begin, route = perf_counter(), request.match_info.route
        request[REQUEST_ID] = request_id = new_request_id(request.headers.get(HEADER))
        in_flight += 1
        try:
            if cors is not None and cors.is_preflight(request):
                response: web.StreamResponse = cors.preflight()
            else:
                rule = checked_rule(request, route, full=in_flight > most)
                if rule is not None and rule.token is not None:
                    await authorize(rule, request)
                response = await handler(request)
                if type(response) is not JSONResponse and not isinstance(response, web.StreamResponse):
                    raise TypeError(f"{route.handler!r} answered {type(response)}, which is no response")
        except BaseException as fault:  # also SystemExit: no handler may end the process
            response = answer_to(fault, request)
        finally:
            in_flight -= 1
        if cors is not None:
            cors.allow(request, response)
        if type(response) is JSONResponse and not on_response_prepare:
            response.stamp(request_id)
        else:
            complete(response, request_id)
        seconds = perf_counter() - begin
        if metrics is not None:
            metrics.observe(request.method, route.resource, response.status, seconds)
        if log_requests:
            log_access(request, response, seconds)
        return response

    return passage


def checked_rule(request: web.Request, route: web.AbstractRoute, *, full: bool) -> Rule | None:
    """The rule of a request's route; None where aiohttp has found no route.

    Raises HTTPError: 400 for a malformed Host, 503 where as many requests are under way as are agreed (`full`), and 403
    for a route without a rule: it (none can be) admits nobody.
    """
    if not _is_host(request.headers.get(hdrs.HOST, "-")):
        raise HTTPError(400, "The Host header is malformed.", headers={hdrs.CONNECTION: "close"})
    rule = rule_of(route.handler)
    if full and rule is not probe:
        raise HTTPError(503, "Too many requests at once.", headers={hdrs.RETRY_AFTER: "1"})
    if rule is None and request.match_info.http_exception is None:
        raise HTTPError(403)
    return rule


@lru_cache(1024)
def _is_host(host: str) -> bool:
    """Whether a Host header is one (RFC 9110, 7.2)."""
    match = HOST.fullmatch(host)
    return match is not None and int((match[2] or ":0")[1:]) < PORTS
