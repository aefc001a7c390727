"""What goes wrong on the way of a request, and what its client is told: always in the one shape of a refusal."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import hdrs, web

from service.errors import HTTPError
from service.http.app_keys import REQUEST_ID
from service.http.preconditions import stale
from service.http.response import JSONResponse
from service.store.base import (
    DuplicateValue,
    IdempotencyKeyReused,
    RecordNotFound,
    RevisionMismatch,
    StorageFull,
    StoreError,
    StoreUnavailable,
    ValueTooLong,
)

log = logging.getLogger("shipyard")


def answer_to(fault: BaseException, request: web.Request) -> web.StreamResponse:
    """The answer to a request in which `fault` was raised. What is unexpected is logged and stays in the log.

    Raises the fault again where it is the cancellation of the request itself.
    """
    match fault:
        case HTTPError():
            return refused(fault, request[REQUEST_ID])
        case web.HTTPException():
            return _converted(fault, request)
        case StoreError():
            if isinstance(fault, StoreUnavailable | StorageFull):
                log.warning("id=%s %s: %s", request[REQUEST_ID], type(fault).__name__, fault)
            return refused(refusal_of(fault), request[REQUEST_ID])
    return _unexpected(fault, request)


def refused(refusal: HTTPError, request_id: str) -> web.StreamResponse:
    """The answer that a refusal is."""
    response = JSONResponse(refusal.body(request_id), refusal.status, refusal.headers)
    if refusal.headers.get(hdrs.CONNECTION) == "close":
        response.force_close()
    return response


def refusal_of(error: StoreError) -> HTTPError:
    """The refusal that a store's error comes down to."""
    match error:
        case RecordNotFound():
            return HTTPError(404)
        case RevisionMismatch():
            return stale(error.current)
        case DuplicateValue():
            return HTTPError(400, {error.field: ["Already taken."]}, code="already_exists")
        case IdempotencyKeyReused():
            return HTTPError(422, "This Idempotency-Key was used for another request.", code="idempotency_key_reused")
        case StoreUnavailable(unknown=True):
            return _later(error, "The outcome is unknown: look before you try again.")
        case StoreUnavailable():
            return _later(error, "The store does not answer; try again.")
        case ValueTooLong():
            return HTTPError(400, "A value is too long for an indexed field.", code="too_long")
        case StorageFull():
            return HTTPError(507, "There is no room to write.")
    return HTTPError(500)


def _later(error: StoreUnavailable, message: str) -> HTTPError:
    return HTTPError(503, message, headers={hdrs.RETRY_AFTER: str(error.retry_after)})


def _converted(raised: web.HTTPException, request: web.Request) -> web.StreamResponse:
    """What aiohttp or a plugin raised, as ours."""
    if isinstance(raised, web.HTTPMethodNotAllowed):
        allowed = {hdrs.ALLOW: ", ".join(sorted({*raised.allowed_methods, hdrs.METH_OPTIONS}))}
        if request.method == hdrs.METH_OPTIONS:
            return JSONResponse(status=204, headers=allowed)
        return refused(HTTPError(405, headers=allowed), request[REQUEST_ID])
    kept = {name: value for name, value in raised.headers.items() if name != hdrs.CONTENT_TYPE}
    if raised.status < 400:
        return JSONResponse(status=raised.status, headers=kept)
    return refused(HTTPError(raised.status, headers=kept), request[REQUEST_ID])


def _unexpected(fault: BaseException, request: web.Request) -> web.StreamResponse:
    task = asyncio.current_task()
    if isinstance(fault, asyncio.CancelledError) and task is not None and task.cancelling():
        raise fault
    if request.transport is None:
        log.info("id=%s the client left: %s", request[REQUEST_ID], type(fault).__name__)
    else:
        log.error("id=%s %s %a", request[REQUEST_ID], request.method, request.rel_url.raw_path, exc_info=fault)
    return refused(HTTPError(500), request[REQUEST_ID])
