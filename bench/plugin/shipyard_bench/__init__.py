"""The bench's plugin. It reads a ship as the ships' own route does, but for users only.

BENCH_RECORDS: fill the store up to that many ships. BENCH_ROUTES, BENCH_ROUTES_BELOW: add that many routes, with paths
of their own, or below the ship's. BENCH_WATCH: note for how long the event loop was held.
"""

import os
from contextlib import asynccontextmanager

from aiohttp import web

from service import user
from shipyard_bench import watch
from shipyard_bench.fill import fill
from shipyard_bench.ships import ships

SHIP = "/bench/ships/{id:[1-9][0-9]{0,15}}"
BESIDE = [f"/bench/beside-{number}/{{id}}" for number in range(int(os.environ.get("BENCH_ROUTES", 0)))]
BELOW = [f"{SHIP}/part-{number}" for number in range(int(os.environ.get("BENCH_ROUTES_BELOW", 0)))]


@user
async def read(request):
    """One ship."""
    return await ships.read(request)


routes = [*watch.routes, *(web.get(path, read) for path in (*BESIDE, *BELOW, SHIP))]
requires = ["ships"]


@asynccontextmanager
async def lifespan(app):
    """Fill the store, and watch the loop."""
    await fill(app, int(os.environ.get("BENCH_RECORDS", 0)))
    async with watch.watching(app):
        yield
