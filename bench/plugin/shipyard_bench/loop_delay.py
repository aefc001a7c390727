"""Measure how long the event loop is blocked, and run operations that can block it."""

import asyncio
import gc
import os
import time
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from service import BLOCKLIST, STORE, Claims, JSONResponse, public

INTERVAL = 0.001
LONGEST = web.AppKey("bench_longest_delay", list)


@public
async def blocked(request):
    """Return the longest that the event loop was blocked since the last such request, in milliseconds."""
    longest, request.app[LONGEST][0] = request.app[LONGEST][0], 0.0
    return JSONResponse({"blocked": longest * 1000})


@public
async def collect(_request):
    """Run a full garbage collection."""
    return JSONResponse({"collected": gc.collect()})


@public
async def revoke(request):
    """Revoke 100,000 expired tokens."""
    for number in range(100_000):
        id = f"bench-{number}"
        await request.app[BLOCKLIST].revoke(Claims(0, "access", id, id, iat=0, nbf=0, exp=1, fresh=False))
        if number % 1000 == 0:
            await asyncio.sleep(0)  # yields to the event loop
    return JSONResponse({})


@public
async def purge(request):
    """Purge what has expired."""
    return JSONResponse({"purged": await request.app[STORE].purge(int(time.time()))})


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
