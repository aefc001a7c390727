"""SIGKILL to the PostgreSQL server, and its restart, while two instances of the store write."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from statistics import median

from tqdm import tqdm

from service.store.base import StoreUnavailable
from service.store.postgres import PostgresStore
from tests.faults.keeper import COLLECTIONS, Keeper, State, audit
from tests.faults.report import Report
from tests.support.postgres_server import Server

_KEEPERS = 8
_INSTANCES = 2
LONGEST_REFUSAL = 2.0  # seconds that a client waits to be told that the store is away
LONGEST_RETURN = 1.0  # seconds from the first connection that the server accepts to the first write


@dataclass
class _Seen:
    """What the keepers went through."""

    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    longest_refusal: float = 0
    written: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False


async def run(kills: int = 100, *, timed: bool = True) -> Report:
    """Kill it so often; each keeper then looks for what it was told is kept. `timed`: hold the limits."""
    server = await asyncio.to_thread(Server, durable=True)
    try:
        await asyncio.to_thread(server.start)
        stores = [PostgresStore(server.url) for _ in range(_INSTANCES)]
        for store in stores:
            await store.open(COLLECTIONS)
        importers = [Keeper(stores[number % _INSTANCES], State(f"keeper {number}")) for number in range(_KEEPERS)]
        seen = _Seen()
        tasks = [asyncio.create_task(_keep(keeper, seen)) for keeper in importers]
        returns = []
        for _ in tqdm(range(kills), "PostgreSQL, servers killed", leave=False):
            await asyncio.sleep(random.uniform(0, 0.5))
            returns.append(await _kill(server, seen))
        seen.over = True
        await asyncio.gather(*tasks)
        violations = await _conclude(importers)
        for store in stores:
            await store.close()
    finally:
        await asyncio.to_thread(server.remove)
    if timed:
        violations += too_long(seen.longest_refusal, LONGEST_REFUSAL, "a refusal")
        violations += too_long(max(returns), LONGEST_RETURN, "the first write after a restart")
    return Report(
        f"PostgreSQL, {kills:,} kills of the server under {_KEEPERS} writers on {_INSTANCES} instances: "
        f"{seen.acknowledged:,} acknowledged writes looked for; {seen.refused:,} refused, {seen.unknown:,} of them "
        f"with an unknown outcome, the slowest after {seen.longest_refusal:.2f} s; the first write "
        f"{median(returns):.2f} s after the server accepted connections in the middle, {max(returns):.2f} s at most",
        violations,
    )


async def _kill(server: Server, seen: _Seen) -> float:
    """End the server, start it again; how long it then was until a write."""
    clock = asyncio.get_running_loop().time
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(random.uniform(0, 0.5))
    await asyncio.to_thread(server.start)
    started = clock()
    seen.written.clear()
    async with asyncio.timeout(30):
        await seen.written.wait()
    return clock() - started


async def _keep(keeper: Keeper, seen: _Seen) -> None:
    clock = asyncio.get_running_loop().time
    while not seen.over:
        started = clock()
        try:
            await keeper.step()
        except StoreUnavailable as error:
            seen.refused += 1
            seen.unknown += error.unknown
            seen.longest_refusal = max(seen.longest_refusal, clock() - started)
            await asyncio.sleep(0.01)
        else:
            seen.acknowledged += 1
            seen.written.set()


async def _conclude(importers: list[Keeper]) -> list[str]:
    """What was wrong, after a last look of each."""
    for keeper in importers:
        await keeper.look()
    return [violation for keeper in importers for violation in keeper.violations] + await audit(importers[0].store)


def too_long(took: float, limit: float, what: str) -> list[str]:
    """The violation that this is, if it is one."""
    return [f"{what} took {took:.2f} s"] if took > limit else []
