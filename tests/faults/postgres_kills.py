"""SIGKILL and restart of the PostgreSQL server while two instances of the store write."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from statistics import median

from tqdm import tqdm

from service.store.base import StoreUnavailable
from service.store.postgres import PostgresStore
from tests.faults.checked_writer import COLLECTIONS, CheckedWriter, State, check_store
from tests.faults.report import Report
from tests.support.postgres_server import Server

_WRITERS = 8
_INSTANCES = 2
MAX_ERROR_SECONDS = 2.0
"""How long a call may take until it raises StoreUnavailable."""
MAX_RECOVERY_SECONDS = 1.0
"""How long after the start of the server the first write may succeed."""


@dataclass
class _Statistics:
    """What the writers have experienced."""

    acknowledged: int = 0
    failed: int = 0
    unknown: int = 0
    slowest_error: float = 0
    written: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False


async def run(kills: int = 100, *, timed: bool = True) -> Report:
    """Kill the server so many times, then check what each writer has written; timed: check the time limits."""
    server = await asyncio.to_thread(Server, durable=True)
    try:
        await asyncio.to_thread(server.start)
        stores = [PostgresStore(server.url) for _ in range(_INSTANCES)]
        for store in stores:
            await store.open(COLLECTIONS)
        writers = [CheckedWriter(stores[number % _INSTANCES], State(f"writer {number}")) for number in range(_WRITERS)]
        statistics = _Statistics()
        tasks = [asyncio.create_task(_write(writer, statistics)) for writer in writers]
        recoveries = []
        for _ in tqdm(range(kills), "PostgreSQL, servers killed", leave=False):
            await asyncio.sleep(random.uniform(0, 0.5))
            recoveries.append(await _kill(server, statistics))
        statistics.stopped = True
        await asyncio.gather(*tasks)
        violations = await _check(writers)
        for store in stores:
            await store.close()
    finally:
        await asyncio.to_thread(server.remove)
    if timed:
        violations += too_slow(statistics.slowest_error, MAX_ERROR_SECONDS, "an error")
        violations += too_slow(max(recoveries), MAX_RECOVERY_SECONDS, "the first write after a restart")
    return Report(
        f"PostgreSQL, {kills:,} kills of the server under {_WRITERS} writers on {_INSTANCES} instances: "
        f"{statistics.acknowledged:,} acknowledged writes checked; {statistics.failed:,} failed, "
        f"{statistics.unknown:,} of them with an unknown outcome, the slowest after {statistics.slowest_error:.2f} s; "
        f"after a restart of the server, the first write succeeded in {median(recoveries):.2f} s (median), "
        f"{max(recoveries):.2f} s (maximum)",
        violations,
    )


async def _kill(server: Server, statistics: _Statistics) -> float:
    """Kill and start the server; return the seconds until the first write succeeds."""
    clock = asyncio.get_running_loop().time
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(random.uniform(0, 0.5))
    await asyncio.to_thread(server.start)
    started = clock()
    statistics.written.clear()
    async with asyncio.timeout(30):
        await statistics.written.wait()
    return clock() - started


async def _write(writer: CheckedWriter, statistics: _Statistics) -> None:
    clock = asyncio.get_running_loop().time
    while not statistics.stopped:
        started = clock()
        try:
            await writer.write()
        except StoreUnavailable as error:
            statistics.failed += 1
            statistics.unknown += error.unknown
            statistics.slowest_error = max(statistics.slowest_error, clock() - started)
            await asyncio.sleep(0.01)
        else:
            statistics.acknowledged += 1
            statistics.written.set()


async def _check(writers: list[CheckedWriter]) -> list[str]:
    for writer in writers:
        await writer.check()
    violations = [violation for writer in writers for violation in writer.violations]
    return violations + await check_store(writers[0].store)


def too_slow(seconds: float, limit: float, what: str) -> list[str]:
    """Return a violation if the limit is exceeded."""
    return [f"{what} took {seconds:.2f} s"] if seconds > limit else []
