"""What every request goes through on its way to a handler, and every answer on its way back."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from functools import lru_cache
from itertools import count
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from service.access import admit, probe, rule_of
from service.answer import REQUEST_ID as REQUEST_ID_HEADER
from service.answer import Answer, complete
from service.cors import cors
from service.errors import Refusal
from service.keys import REQUEST_ID
from service.metrics import Metrics
from service.refusals import refusal_of
from service.settings import Settings
from service.store.base import Full, StoreError, Unavailable

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
PORTS = 65_536

access_log = logging.getLogger("shipyard.access")
log = logging.getLogger("shipyard")

_prefix, _numbers = secrets.token_hex(6), count(1)


def middlewares(settings: Settings, metrics: Metrics | None) -> tuple[Middleware, ...]:
    """The whole order, outermost first."""
    return (
        observe(metrics, log_requests=settings.access_log),
        *([cors(frozenset(settings.cors.origins))] if settings.cors.origins else []),
        errors,
        limits(settings.limits.in_flight),
        tokens,
    )


def observe(metrics: Metrics | None, *, log_requests: bool) -> Middleware:
    """Name the request, and tell the metrics and the access log how it went."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        begin = perf_counter()
        request[REQUEST_ID] = request_id = new_request_id(request.headers.get(REQUEST_ID_HEADER))
        response = await handler(request)
        complete(response, request_id)
        seconds = perf_counter() - begin
        if metrics is not None:
            metrics.observe(request.method, request.match_info.route.resource, response.status, seconds)
        if log_requests:
            log_access(request, response, seconds)
        return response

    return middleware


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised into the one shape of a refusal; what is unexpected is logged and stays in the log."""
    try:
        response = await handler(request)
        if type(response) is not Answer and not isinstance(response, web.StreamResponse):
            raise TypeError(f"{request.match_info.handler!r} answered {type(response)}, which is no response")
        return response
    except Refusal as refusal:
        return refused(refusal, request[REQUEST_ID])
    except web.HTTPException as raised:
        return _converted(raised, request)
    except StoreError as fault:
        if isinstance(fault, Unavailable | Full):
            log.warning("id=%s %s: %s", request[REQUEST_ID], type(fault).__name__, fault)
        return refused(refusal_of(fault), request[REQUEST_ID])
    except BaseException as fault:  # also SystemExit: no handler may end the process
        return _unexpected(fault, request)


def limits(most: int) -> Middleware:
    """Refuse what is malformed before routes see it, and more requests at once than agreed."""
    in_flight = 0

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal in_flight
        if not _is_host(request.headers.get(hdrs.HOST, "-")):
            raise Refusal(400, "The Host header is malformed.", headers={hdrs.CONNECTION: "close"})
        if in_flight >= most and rule_of(request.match_info.handler) is not probe:
            raise Refusal(503, "Too many requests at once.", headers={hdrs.RETRY_AFTER: "1"})
        in_flight += 1
        try:
            return await handler(request)
        finally:
            in_flight -= 1

    return middleware


@web.middleware
async def tokens(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pass whom the route's rule admits. A route without a rule (none can be) admits nobody."""
    match = request.match_info
    if match.http_exception is None:
        rule = rule_of(match.handler)
        if rule is None:
            raise Refusal(403)
        if rule.token is not None:
            await admit(rule, request)
    return await handler(request)


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
    return sent if sent is not None and ID.fullmatch(sent) else f"{_prefix}-{next(_numbers):x}"


def refused(refusal: Refusal, request_id: str) -> web.StreamResponse:
    """The answer that a refusal is."""
    response = Answer(refusal.body(request_id), refusal.status, refusal.headers)
    if refusal.headers.get(hdrs.CONNECTION) == "close":
        response.force_close()
    return response


def _converted(raised: web.HTTPException, request: web.Request) -> web.StreamResponse:
    """What aiohttp or a plugin raised, as ours."""
    if isinstance(raised, web.HTTPMethodNotAllowed):
        allowed = {hdrs.ALLOW: ", ".join(sorted({*raised.allowed_methods, hdrs.METH_OPTIONS}))}
        if request.method == hdrs.METH_OPTIONS:
            return Answer(status=204, headers=allowed)
        return refused(Refusal(405, headers=allowed), request[REQUEST_ID])
    kept = {name: value for name, value in raised.headers.items() if name != hdrs.CONTENT_TYPE}
    if raised.status < 400:
        return Answer(status=raised.status, headers=kept)
    return refused(Refusal(raised.status, headers=kept), request[REQUEST_ID])


def _unexpected(fault: BaseException, request: web.Request) -> web.StreamResponse:
    task = asyncio.current_task()
    if isinstance(fault, asyncio.CancelledError) and task is not None and task.cancelling():
        raise fault
    if request.transport is None:
        log.info("id=%s the client left: %s", request[REQUEST_ID], type(fault).__name__)
    else:
        log.error("id=%s %s %a", request[REQUEST_ID], request.method, request.rel_url.raw_path, exc_info=fault)
    return refused(Refusal(500), request[REQUEST_ID])


@lru_cache(1024)
def _is_host(host: str) -> bool:
    """Whether a Host header is one (RFC 9110, 7.2)."""
    match = HOST.fullmatch(host)
    return match is not None and int((match[2] or ":0")[1:]) < PORTS
