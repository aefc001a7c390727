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
from aiohttp.typedefs import Handler

from service.access import admit, rule_of
from service.answer import REQUEST_ID as REQUEST_ID_HEADER
from service.answer import Answer, complete
from service.cors import cors
from service.errors import Refusal
from service.keys import IN_FLIGHT, REQUEST_ID, SETTINGS
from service.metrics import METRICS
from service.refusals import refusal_of
from service.store.base import Full, StoreError, Unavailable

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
PORTS = 65_536

access_log = logging.getLogger("shipyard.access")
log = logging.getLogger("shipyard")

_prefix, _numbers = secrets.token_hex(6), count(1)


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, and tell the metrics and the access log how it went."""
    begin = perf_counter()
    request[REQUEST_ID] = request_id = new_request_id(request.headers.get(REQUEST_ID_HEADER))
    response = await handler(request)
    complete(response, request_id)
    seconds = perf_counter() - begin
    app = request.app
    if METRICS in app:
        resource = request.match_info.route.resource
        pattern = "none" if resource is None else resource.canonical
        app[METRICS].observe(request.method, pattern, response.status, seconds)
    if app[SETTINGS].access_log:
        agent = request.headers.get(hdrs.USER_AGENT, "-")
        facts = (request.remote, request.method, request.raw_path, response.status, seconds * 1000, request_id, agent)
        access_log.info("%s %s %a %d %.1fms id=%s agent=%.200a", *facts)
    return response


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


@web.middleware
async def limits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is malformed before routes see it, and more requests at once than agreed."""
    if not _is_host(request.headers.get(hdrs.HOST, "-")):
        raise Refusal(400, "The Host header is malformed.", headers={hdrs.CONNECTION: "close"})
    in_flight = request.app[IN_FLIGHT]
    if in_flight[0] >= request.app[SETTINGS].limits.in_flight:
        raise Refusal(503, "Too many requests at once.", headers={hdrs.RETRY_AFTER: "1"})
    in_flight[0] += 1
    try:
        return await handler(request)
    finally:
        in_flight[0] -= 1


@web.middleware
async def tokens(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pass whom the route's rule admits. A route without a rule (none can be) admits nobody."""
    match = request.match_info
    if match.http_exception is None:
        rule = rule_of(match.handler)
        if rule is None:
            raise Refusal(403)
        await admit(rule, request)
    return await handler(request)


MIDDLEWARES = (observe, cors, errors, limits, tokens)
"""Outermost first."""


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
        log.error("id=%s %s %a", request[REQUEST_ID], request.method, request.raw_path, exc_info=fault)
    return refused(Refusal(500), request[REQUEST_ID])


@lru_cache(1024)
def _is_host(host: str) -> bool:
    """Whether a Host header is one (RFC 9110, 7.2)."""
    match = HOST.fullmatch(host)
    return match is not None and int((match[2] or ":0")[1:]) < PORTS
