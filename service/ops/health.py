"""For those who start, stop and watch the service: is it alive, and can it work now?"""

from __future__ import annotations

import asyncio

from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import List, String

from service import errors
from service.auth.permissions import probe
from service.discovery.app_keys import SKIPPED
from service.http.app_keys import STORE
from service.http.response import JSONResponse
from service.openapi.decorators import docs, response_schema
from service.store.base import StoreError

STORE_SECONDS = 1


class LiveSchema(Schema):
    """The process is alive."""

    status = String(required=True, metadata={"example": "live"})


class ReadySchema(Schema):
    """Requests can be served, from which kind of store, and which plugins were left out."""

    status = String(required=True, metadata={"example": "ready"})
    store = String(required=True, metadata={"example": "memory"})
    plugins_skipped = List(String(metadata={"example": "planets"}), required=True)


@probe
@docs(summary="Whether the process is alive", tags=["service"])
@response_schema(LiveSchema, 200, "It is.")
async def live(request: web.Request) -> web.StreamResponse:  # noqa: ARG001  # every handler takes the request
    """GET /health/live: never asks the store."""
    return JSONResponse({"status": "live"})


@probe
@docs(
    summary="Whether requests can be served",
    tags=["service"],
    responses={503: {"description": "The store does not answer."}},
)
@response_schema(ReadySchema, 200, "They can.")
async def ready(request: web.Request) -> web.StreamResponse:
    """GET /health/ready: asks the store, for a second at most."""
    store = request.app[STORE]
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await store.ping()
    except (StoreError, TimeoutError):
        raise errors.NOT_READY(failing="store") from None
    kind = store.name.partition(":")[0]
    return JSONResponse({"status": "ready", "store": kind, "plugins_skipped": request.app[SKIPPED]})


routes = [web.get("/health/live", live), web.get("/health/ready", ready)]
