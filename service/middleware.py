"""What every request goes through on its way to a handler, and every answer on its way back."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Sized
from functools import lru_cache
from itertools import count
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from service.access import Rule, admit, probe, rule_of
from service.answer import REQUEST_ID as REQUEST_ID_HEADER
from service.answer import Answer, complete
from service.cors import Cors
from service.errors import Refusal
from service.keys import REQUEST_ID
from service.metrics import Metrics
from service.refusals import answer_to
from service.settings import Settings

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
PORTS = 65_536

access_log = logging.getLogger("shipyard.access")

_prefix, _numbers = secrets.token_hex(6), count(1)


def middleware(settings: Settings, metrics: Metrics | None, on_response_prepare: Sized) -> Middleware:
    """The whole way, in one function: each further middleware would cost every request half a microsecond."""
    most, in_flight, log_requests = settings.limits.in_flight, 0, settings.access_log
    cors = Cors(settings.cors.origins) if settings.cors.origins else None

    @web.middleware
    async def passage(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal in_flight
        begin, route = perf_counter(), request.match_info.route
        request[REQUEST_ID] = request_id = new_request_id(request.headers.get(REQUEST_ID_HEADER))
        in_flight += 1
        try:
            if cors is not None and cors.is_preflight(request):
                response: web.StreamResponse = cors.preflight()
            else:
                rule = checked_rule(request, route, full=in_flight > most)
                if rule is not None and rule.token is not None:
                    await admit(rule, request)
                response = await handler(request)
                if type(response) is not Answer and not isinstance(response, web.StreamResponse):
                    raise TypeError(f"{route.handler!r} answered {type(response)}, which is no response")
        except BaseException as fault:  # also SystemExit: no handler may end the process
            response = answer_to(fault, request)
        finally:
            in_flight -= 1
        if cors is not None:
            cors.allow(request, response)
        if type(response) is Answer and not on_response_prepare:
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

    Raises Refusal: 400 for a malformed Host, 503 where as many requests are under way as are agreed (`full`), and 403
    for a route without a rule: it (none can be) admits nobody.
    """
    if not _is_host(request.headers.get(hdrs.HOST, "-")):
        raise Refusal(400, "The Host header is malformed.", headers={hdrs.CONNECTION: "close"})
    rule = rule_of(route.handler)
    if full and rule is not probe:
        raise Refusal(503, "Too many requests at once.", headers={hdrs.RETRY_AFTER: "1"})
    if rule is None and request.match_info.http_exception is None:
        raise Refusal(403)
    return rule


def log_access(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    """One line, whatever the client sent: escaped, and without the query, which may be private."""
    agent = request.headers.get(hdrs.USER_AGENT, "-")
    facts = (
        request.remote,
        request.method,
        request.rel_url.raw_path,
        response.status,
        seconds * 1000,
        request[REQUEST_ID],
    )
    access_log.info("%s %s %a %d %.1fms id=%s agent=%.200a", *facts, agent)


def new_request_id(sent: str | None = None) -> str:
    """The id that the client or the proxy gave, if it is one; else a new one."""
    return sent if sent is not None and ID.fullmatch(sent) else f"{_prefix}-{next(_numbers)}"


@lru_cache(1024)
def _is_host(host: str) -> bool:
    """Whether a Host header is one (RFC 9110, 7.2)."""
    match = HOST.fullmatch(host)
    return match is not None and int((match[2] or ":0")[1:]) < PORTS
