"""Measure how long the event loop is blocked, and run operations that can block it."""

import asyncio
import gc
import os
import time
from contextlib import asynccontextmanager, suppress

import orjson
from aiohttp import web

from service import STORE, JSONResponse, public
from service.store.base import Revoke

INTERVAL = 0.001
LONGEST = web.AppKey("bench_longest_delay", list)


@public
async def blocked(request):
    """Return the longest that the event loop was blocked since the last such request, in milliseconds."""
    longest, request.app[LONGEST][0] = request.app[LONGEST][0], 0.0
    return JSONResponse(orjson.dumps({"blocked": longest * 1000}))


@public
async def collect(_request):
    """Run a full garbage collection."""
    return JSONResponse(orjson.dumps({"collected": gc.collect()}))


@public
async def revoke(request):
    """Store 100,000 expired revocations."""
    for part in range(100):
        await request.app[STORE].write(*(Revoke(f"bench-{part}-{number}", 1) for number in range(1000)))
        await asyncio.sleep(0)
    return JSONResponse(b"{}")


@public
async def purge(request):
    """Purge what has expired."""
    return JSONResponse(orjson.dumps({"purged": await request.app[STORE].purge(int(time.time()))}))


@asynccontextmanager
async def watching(app):
    """If BENCH_WATCH is set, wake up every millisecond and record the longest delay."""
    app[LONGEST] = [0.0]
    if not os.environ.get("BENCH_WATCH"):
        yield
        return
    task = asyncio.create_task(_record(app[LONGEST]))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _record(longest):
    while True:
        due = time.perf_counter() + INTERVAL
        await asyncio.sleep(INTERVAL)
        longest[0] = max(longest[0], time.perf_counter() - due)


routes = [
    web.get("/bench/blocked", blocked),
    web.get("/bench/collect", collect),
    web.get("/bench/revoke", revoke),
    web.get("/bench/purge", purge),
]
