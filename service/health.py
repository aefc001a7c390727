"""For those who start, stop and watch the service: is it alive, and can it work now?"""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

from service.access import public
from service.answer import Answer
from service.errors import Refusal
from service.keys import SKIPPED, STORE
from service.marks import docs
from service.store.base import StoreError

STORE_SECONDS = 1


@public
@docs(summary="Whether the process is alive", tags=["service"], responses={200: {"description": "It is."}})
async def live(request: web.Request) -> web.StreamResponse:  # noqa: ARG001  # every handler takes the request
    """GET /health/live: never asks the store."""
    return Answer(orjson.dumps({"status": "live"}))


@public
@docs(
    summary="Whether requests can be served",
    tags=["service"],
    responses={200: {"description": "They can."}, 503: {"description": "The store does not answer."}},
)
async def ready(request: web.Request) -> web.StreamResponse:
    """GET /health/ready: asks the store, for a second at most."""
    store = request.app[STORE]
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await store.ping()
    except (StoreError, TimeoutError):
        raise Refusal(503, "The store does not answer.", headers={"Retry-After": "1"}) from None
    kind = store.name.partition(":")[0]
    return Answer(orjson.dumps({"status": "ready", "store": kind, "plugins_skipped": request.app[SKIPPED]}))


routes = [web.get("/health/live", live), web.get("/health/ready", ready)]
