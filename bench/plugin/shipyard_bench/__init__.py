"""A Shipyard plugin for the benchmarks: a ship as the ships plugin returns it, for authenticated users only.

Environment variables: BENCH_RECORDS adds ships to the store up to this number. BENCH_ROUTES and BENCH_ROUTES_BELOW add
this many routes, with other paths or below that of a ship. BENCH_WATCH measures how long the event loop is blocked.
"""

import os
from contextlib import asynccontextmanager

from aiohttp import web

from service import user
from shipyard_bench import loop_delay
from shipyard_bench.fill import fill
from shipyard_bench.ships import ships

SHIP = "/bench/ships/{id:[1-9][0-9]{0,15}}"
BESIDE = [f"/bench/beside-{number}/{{id}}" for number in range(int(os.environ.get("BENCH_ROUTES", 0)))]
BELOW = [f"{SHIP}/part-{number}" for number in range(int(os.environ.get("BENCH_ROUTES_BELOW", 0)))]


@user
async def read(request):
    """Return a ship."""
    return await ships.read(request)


routes = [*loop_delay.routes, *(web.get(path, read) for path in (*BESIDE, *BELOW, SHIP))]
requires = ["ships"]


@asynccontextmanager
async def lifespan(app):
    """Fill the store, and watch the event loop."""
    await fill(app, int(os.environ.get("BENCH_RECORDS", 0)))
    async with loop_delay.watching(app):
        yield
