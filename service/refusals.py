"""What goes wrong on the way of a request, and what its client is told: always in the one shape of a refusal."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import hdrs, web

from service.answer import Answer
from service.conditional import stale
from service.errors import Refusal
from service.keys import REQUEST_ID
from service.store.base import Full, Missing, Reused, Stale, StoreError, Taken, TooLong, Unavailable

log = logging.getLogger("shipyard")


def answer_to(fault: BaseException, request: web.Request) -> web.StreamResponse:
    """The answer to a request in which `fault` was raised. What is unexpected is logged and stays in the log.

    Raises the fault again where it is the cancellation of the request itself.
    """
    match fault:
        case Refusal():
            return refused(fault, request[REQUEST_ID])
        case web.HTTPException():
            return _converted(fault, request)
        case StoreError():
            if isinstance(fault, Unavailable | Full):
                log.warning("id=%s %s: %s", request[REQUEST_ID], type(fault).__name__, fault)
            return refused(refusal_of(fault), request[REQUEST_ID])
    return _unexpected(fault, request)


def refused(refusal: Refusal, request_id: str) -> web.StreamResponse:
    """The answer that a refusal is."""
    response = Answer(refusal.body(request_id), refusal.status, refusal.headers)
    if refusal.headers.get(hdrs.CONNECTION) == "close":
        response.force_close()
    return response


def refusal_of(error: StoreError) -> Refusal:
    """The refusal that a store's error comes down to."""
    match error:
        case Missing():
            return Refusal(404)
        case Stale():
            return stale(error.current)
        case Taken():
            return Refusal(400, {error.field: ["Already taken."]}, code="already_exists")
        case Reused():
            return Refusal(422, "This Idempotency-Key was used for another request.", code="idempotency_key_reused")
        case Unavailable(unknown=True):
            return _later(error, "The outcome is unknown: look before you try again.")
        case Unavailable():
            return _later(error, "The store does not answer; try again.")
        case TooLong():
            return Refusal(400, "A value is too long for an indexed field.", code="too_long")
        case Full():
            return Refusal(507, "There is no room to write.")
    return Refusal(500)


def _later(error: Unavailable, message: str) -> Refusal:
    return Refusal(503, message, headers={hdrs.RETRY_AFTER: str(error.retry_after)})


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
