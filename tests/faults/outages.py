"""SIGKILL and restart of the PostgreSQL server under two services, as seen by their clients."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from statistics import median

import aiohttp
from tqdm import tqdm

from tests.faults.clients import Clients
from tests.faults.linearizability import services_on, verdict
from tests.faults.postgres_kills import MAX_ERROR_SECONDS, MAX_RECOVERY_SECONDS, too_slow
from tests.faults.report import Report
from tests.faults.service import Service
from tests.support.postgres_server import Server

_PAUSE_SECONDS = 0.01  # between two attempts


async def run(kills: int = 50, *, timed: bool = True) -> Report:
    """Kill the server so many times while clients send requests; timed: check the time limits."""
    server = await asyncio.to_thread(Server, durable=True)
    try:
        await asyncio.to_thread(server.start)
        async with services_on(server.url, server.url) as services:
            clients = Clients(services)
            running = asyncio.create_task(clients.run("PostgreSQL, requests"))
            bar = tqdm(range(kills), "PostgreSQL, outages", leave=False)
            recoveries = [await _outage(server, services) for _ in bar]
            clients.stop()
            await running
    finally:
        await asyncio.to_thread(server.remove)
    report = verdict(clients, f"PostgreSQL under two services, {kills} kills of the server")
    violations = report.violations
    if timed:
        violations += too_slow(clients.slowest, MAX_ERROR_SECONDS, "a 503")
        violations += too_slow(max(recoveries), MAX_RECOVERY_SECONDS, "the first response after a restart")
    return Report(
        f"{report.summary}; the slowest 503 took {clients.slowest:.2f} s; after a restart of the server, both services "
        f"recovered in {median(recoveries):.2f} s (median), {max(recoveries):.2f} s (maximum)",
        violations,
    )


async def _outage(server: Server, services: Sequence[Service]) -> float:
    """Kill and start the server; return the seconds until both services have recovered."""
    await asyncio.sleep(random.uniform(0, 0.5))
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(random.uniform(0, 0.5))
    await asyncio.to_thread(server.start)
    started = time.monotonic()
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(_wait_until_recovered(session, service) for service in services))
    return time.monotonic() - started


async def _wait_until_recovered(session: aiohttp.ClientSession, service: Service) -> None:
    async with asyncio.timeout(30):
        while True:
            async with session.get(f"{service.url}/api/ships") as response:
                if response.status == 200:
                    return
            await asyncio.sleep(_PAUSE_SECONDS)
