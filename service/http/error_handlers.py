"""Error handlers: they convert exceptions to responses. Plugins can add handlers of their own exceptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web

from service import errors
from service.errors import HTTPError
from service.http.app_keys import REQUEST_ID
from service.http.preconditions import record_changed
from service.http.response import JSONResponse
from service.store.base import (
    DuplicateValue,
    IdempotencyKeyReused,
    RecordNotFound,
    RevisionMismatch,
    StorageFull,
    StoreUnavailable,
    ValueTooLong,
)

ErrorHandler = Callable[[web.Request, Any], HTTPError | web.StreamResponse]
"""Return the error to send for an exception, or a whole response."""
ERROR_HANDLERS: web.AppKey[dict[type[BaseException], ErrorHandler]] = web.AppKey("error_handlers", dict)
"""The handlers by exception class. An exception is handled by that of its class, or else of its nearest base class."""

log = logging.getLogger("shipyard")


def handle_exception(error: BaseException, request: web.Request) -> web.StreamResponse:
    """Return the response to a request whose handler raised `error`.

    Raises it again if it is the cancellation of the request itself.
    """
    handlers = request.app[ERROR_HANDLERS]
    handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), _unexpected)
    response = handler(request, error)
    return error_response(response, request[REQUEST_ID]) if isinstance(response, HTTPError) else response


def error_response(error: HTTPError, request_id: str) -> web.StreamResponse:
    """Return the response for an error."""
    response = JSONResponse(error.body(request_id), error.status, error.headers)
    if error.headers.get(hdrs.CONNECTION) == "close":
        response.force_close()
    return response


def built_in_handlers() -> dict[type[BaseException], ErrorHandler]:
    """Return a new table with the handlers that every app has."""
    return {
        HTTPError: lambda _, error: error,
        RecordNotFound: lambda _, __: errors.RECORD_NOT_FOUND(),
        RevisionMismatch: lambda _, error: record_changed(error.current),
        DuplicateValue: lambda _, error: errors.DUPLICATE_VALUE({error.field: ["Already taken."]}),
        IdempotencyKeyReused: lambda _, __: errors.IDEMPOTENCY_KEY_REUSED(),
        ValueTooLong: lambda _, __: errors.VALUE_TOO_LONG(),
        StoreUnavailable: _store_unavailable,
        StorageFull: _storage_full,
        web.HTTPMethodNotAllowed: _method_not_allowed,
        web.HTTPNotFound: lambda _, __: errors.ROUTE_NOT_FOUND(),
        web.HTTPException: _http_exception,
    }


def _store_unavailable(request: web.Request, error: StoreUnavailable) -> HTTPError:
    _log_store_error(request, error)
    kind = errors.OUTCOME_UNKNOWN if error.unknown else errors.STORE_UNAVAILABLE
    return kind(headers={hdrs.RETRY_AFTER: str(error.retry_after)})


def _storage_full(request: web.Request, error: StorageFull) -> HTTPError:
    _log_store_error(request, error)
    return errors.STORAGE_FULL()


def _log_store_error(request: web.Request, error: Exception) -> None:
    log.warning("id=%s %s: %s", request[REQUEST_ID], type(error).__name__, error)


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> HTTPError | web.StreamResponse:
    """Return the 405; for OPTIONS, which aiohttp has no routes for, a 204 with the methods of the path."""
    allow = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
    if request.method == hdrs.METH_OPTIONS:
        return JSONResponse(status=204, headers={hdrs.ALLOW: allow})
    return errors.METHOD_NOT_ALLOWED(allow=allow, headers={hdrs.ALLOW: allow})


def _http_exception(_: web.Request, error: web.HTTPException) -> HTTPError | web.StreamResponse:
    """Convert an exception of aiohttp or a plugin, with its headers but without its text."""
    headers = {name: value for name, value in error.headers.items() if name != hdrs.CONTENT_TYPE}
    if error.status < 400:
        return JSONResponse(status=error.status, headers=headers)
    return HTTPError(error.status, headers=headers)


def _unexpected(request: web.Request, error: BaseException) -> HTTPError:
    """Log an exception and return a 500 without its text; raise it again if the request's task was cancelled."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error
    if request.transport is None:
        log.info("id=%s the client disconnected: %s", request[REQUEST_ID], type(error).__name__)
    else:
        log.error("id=%s %s %a", request[REQUEST_ID], request.method, request.rel_url.raw_path, exc_info=error)
    return errors.INTERNAL_ERROR()
