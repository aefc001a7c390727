"""Whether the ships are as if one request came at a time, whoever asks at once and whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from tests.faults.fleet import Fleet
from tests.faults.history import impossible
from tests.faults.report import Report
from tests.faults.service import Service
from tests.support.postgres_server import Server

_BACKENDS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'shipyard' AND datname = current_database() AND random() < 0.3
"""


class Faults:
    """How many there were."""

    def __init__(self) -> None:
        self.count = 0


async def run(requests: int = 10_000) -> Report:
    """Ask so often, of the service on each store."""
    reports = [await in_memory(requests), await on_sqlite(requests)]
    server = await asyncio.to_thread(Server, durable=True)
    try:
        await asyncio.to_thread(server.start)
        reports.append(await on_postgres(requests, server.url))
    finally:
        await asyncio.to_thread(server.remove)
    return Report("\n".join(report.tried for report in reports), [each for it in reports for each in it.violations])


async def in_memory(requests: int) -> Report:
    """One service, and no faults."""
    async with services_on("memory:") as services:
        return await _check("memory", services, requests, "faults", Faults())


async def on_sqlite(requests: int) -> Report:
    """One service, which is killed and started again."""
    faults = Faults()

    async def kill(service: Service) -> None:
        while True:
            await asyncio.sleep(random.uniform(0, 1))
            service.kill()
            faults.count += 1
            await service.start()

    with tempfile.TemporaryDirectory() as folder:
        async with services_on(f"sqlite:///{folder}/file.db") as services, asyncio.TaskGroup() as group:
            killing = group.create_task(kill(services[0]))
            report = await _check("SQLite", services, requests, "kills of the service", faults)
            killing.cancel()
    return report


async def on_postgres(requests: int, url: str) -> Report:
    """Two services, whose connections are broken by the server."""
    faults = Faults()

    async def cut() -> None:
        connection = await asyncpg.connect(url)
        try:
            while True:
                await asyncio.sleep(random.uniform(0, 0.5))
                faults.count += len(await connection.fetch(_BACKENDS))
        finally:
            await connection.close()

    async with services_on(url, url) as services, asyncio.TaskGroup() as group:
        cutting = group.create_task(cut())
        report = await _check("PostgreSQL, two services", services, requests, "backends ended", faults)
        cutting.cancel()
    return report


@asynccontextmanager
async def services_on(*stores: str) -> AsyncIterator[Sequence[Service]]:
    """A service on each of these stores."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            services = [Service(store, Path(folder)) for store in stores]
            for service in services:
                stack.callback(service.kill)
                await service.start()
            yield services


async def _check(title: str, services: Sequence[Service], requests: int, kind: str, faults: Faults) -> Report:
    fleet = Fleet(services)
    await fleet.sail(title, requests)
    return verdict(fleet, f"{title}, {faults.count} {kind}")


def verdict(fleet: Fleet, title: str) -> Report:
    """Whether there is an order that explains what the clients have seen."""
    violations = fleet.violations.copy()
    for id, history in fleet.histories.items():
        if window := impossible(history):
            violations.append(f"no order explains, of ship {id}: {window}")
    answered = sum(len(history) for history in fleet.histories.values())
    return Report(
        f"{title}: {answered:,} requests for {len(fleet.histories)} ships by 8 clients, "
        f"{fleet.lost} without an answer, {fleet.refused} answered 503: {'NOT VALID' if violations else 'valid'}",
        violations,
    )
