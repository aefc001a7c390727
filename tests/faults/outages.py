"""SIGKILL to the PostgreSQL server, and its restart, under two services: what their clients get to see."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from statistics import median

import aiohttp
from tqdm import tqdm

from tests.faults.fleet import Fleet
from tests.faults.linearizability import services_on, verdict
from tests.faults.postgres_kills import LONGEST_REFUSAL, LONGEST_RETURN, too_long
from tests.faults.report import Report
from tests.faults.service import Service
from tests.support.postgres_server import Server

_PAUSE = 0.01  # seconds between two attempts


async def run(kills: int = 50, *, timed: bool = True) -> Report:
    """Kill it so often while clients read and write. `timed`: hold the limits of time."""
    server = await asyncio.to_thread(Server, durable=True)
    try:
        await asyncio.to_thread(server.start)
        async with services_on(server.url, server.url) as services:
            fleet = Fleet(services)
            sailing = asyncio.create_task(fleet.sail("PostgreSQL, requests answered"))
            returns = [await _outage(server, services) for _ in tqdm(range(kills), "PostgreSQL, outages", leave=False)]
            fleet.enough()
            await sailing
    finally:
        await asyncio.to_thread(server.remove)
    report = verdict(fleet, f"PostgreSQL under two services, {kills} kills of the server")
    violations = report.violations
    if timed:
        violations += too_long(fleet.slowest, LONGEST_REFUSAL, "a 503")
        violations += too_long(max(returns), LONGEST_RETURN, "the first answer after a restart")
    return Report(
        f"{report.tried}; a 503 came after {fleet.slowest:.2f} s at most; both services answered again "
        f"{median(returns):.2f} s after the server accepted connections in the middle, {max(returns):.2f} s at most",
        violations,
    )


async def _outage(server: Server, services: Sequence[Service]) -> float:
    """End the server, start it again; how long it then was until each service answered."""
    await asyncio.sleep(random.uniform(0, 0.5))
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(random.uniform(0, 0.5))
    await asyncio.to_thread(server.start)
    started = time.monotonic()
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(_back(session, service) for service in services))
    return time.monotonic() - started


async def _back(session: aiohttp.ClientSession, service: Service) -> None:
    async with asyncio.timeout(30):
        while True:
            async with session.get(f"{service.url}/api/ships") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(_PAUSE)
