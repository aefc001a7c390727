"""Check that concurrent requests for ships are linearizable, also while faults are injected."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from tests.faults.clients import Clients
from tests.faults.history import violation
from tests.faults.report import Report, combined
from tests.faults.service import Service
from tests.support.postgres_server import Server

_BACKENDS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'shipyard' AND datname = current_database() AND random() < 0.3
"""


class Faults:
    """Counts the injected faults."""

    def __init__(self) -> None:
        self.count = 0


async def run(requests: int = 10_000) -> Report:
    """Send so many requests to the service on each store."""
    reports = [await in_memory(requests), await on_sqlite(requests)]
    server = await asyncio.to_thread(Server, durable=True)
    try:
        await asyncio.to_thread(server.start)
        reports.append(await on_postgres(requests, server.url))
    finally:
        await asyncio.to_thread(server.remove)
    return combined(reports)


async def in_memory(requests: int) -> Report:
    """One service, without faults."""
    async with services_on("memory:") as services:
        return await _check("memory", services, requests, "faults", Faults())


async def on_sqlite(requests: int) -> Report:
    """One service, which is repeatedly killed and started again."""
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
    """Two services, whose connections the server terminates repeatedly."""
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
        report = await _check("PostgreSQL, two services", services, requests, "connections terminated", faults)
        cutting.cancel()
    return report


@asynccontextmanager
async def services_on(*stores: str) -> AsyncIterator[Sequence[Service]]:
    """Run a service on each of these stores."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            services = [Service(store, Path(folder)) for store in stores]
            for service in services:
                stack.callback(service.kill)
                await service.start()
            yield services


async def _check(title: str, services: Sequence[Service], requests: int, kind: str, faults: Faults) -> Report:
    clients = Clients(services)
    await clients.run(title, requests)
    return verdict(clients, f"{title}, {faults.count} {kind}")


def verdict(clients: Clients, title: str) -> Report:
    """Check the histories that the clients have recorded."""
    violations = clients.violations.copy()
    for id, history in clients.histories.items():
        if requests := violation(history):
            violations.append(f"the history of ship {id} is not linearizable: {requests}")
    count = sum(len(history) for history in clients.histories.values())
    return Report(
        f"{title}: {count:,} requests for {len(clients.histories)} ships by 8 clients, "
        f"{clients.lost} without a response, {clients.unavailable} with a 503: "
        f"{'NOT VALID' if violations else 'valid'}",
        violations,
    )
