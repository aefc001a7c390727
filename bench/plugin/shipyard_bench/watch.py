"""A watch in the event loop: how long it was held at most, and ways to make it be held."""

import asyncio
import gc
import os
import time
from contextlib import asynccontextmanager, suppress

import orjson
from aiohttp import web

from service import STORE, JSONResponse, public
from service.store.base import Revoke

BEAT = 0.001
HELD = web.AppKey("bench_held", list)


@public
async def held(request):
    """GET: the longest the loop was held since the last time this was asked, in milliseconds."""
    longest, request.app[HELD][0] = request.app[HELD][0], 0.0
    return JSONResponse(orjson.dumps({"held": longest * 1000}))


@public
async def collect(_request):
    """GET: a full garbage collection."""
    return JSONResponse(orjson.dumps({"collected": gc.collect()}))


@public
async def revoke(request):
    """GET: 100,000 revocations that have expired."""
    for part in range(100):
        await request.app[STORE].write(*(Revoke(f"bench-{part}-{number}", 1) for number in range(1000)))
        await asyncio.sleep(0)
    return JSONResponse(b"{}")


@public
async def purge(request):
    """GET: a purge of what has expired."""
    return JSONResponse(orjson.dumps({"purged": await request.app[STORE].purge(int(time.time()))}))


@asynccontextmanager
async def watching(app):
    """Beat every millisecond while BENCH_WATCH is set, and note the longest delay."""
    app[HELD] = [0.0]
    if not os.environ.get("BENCH_WATCH"):
        yield
        return
    task = asyncio.create_task(_beat(app[HELD]))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _beat(held):
    while True:
        due = time.perf_counter() + BEAT
        await asyncio.sleep(BEAT)
        held[0] = max(held[0], time.perf_counter() - due)


routes = [
    web.get("/bench/held", held),
    web.get("/bench/collect", collect),
    web.get("/bench/revoke", revoke),
    web.get("/bench/purge", purge),
]
