"""SIGKILL to a process that writes to a SQLite store, at random moments."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from signal import SIGKILL

from tqdm import tqdm

from service.store.sqlite import SQLiteStore
from tests.faults.keeper import COLLECTIONS, Keeper, State, audit
from tests.faults.report import Report

_KEEPERS = 8
_KILLS_OF_A_FILE = 25
_LONGEST_LIFE = 0.15  # seconds
_STARTS_KILLED = 0.1  # of all lives, how many may end while the store is opened
_LONGEST_START = 5.0  # seconds
_FRESH = tuple(State(f"keeper {number}") for number in range(_KEEPERS))


async def run(kills: int = 1000, longest_start: float = _LONGEST_START) -> Report:
    """Kill a writer so often; each time, see what is in the file."""
    # A fork of a process that has imported everything starts in milliseconds.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    acknowledged, slowest, violations, states = 0, 0.0, list[str](), _FRESH
    with tempfile.TemporaryDirectory() as folder:
        for kill in tqdm(range(kills), "SQLite, writers killed", leave=False):
            path = Path(folder) / f"{kill // _KILLS_OF_A_FILE}.db"
            if kill % _KILLS_OF_A_FILE == 0:
                states = _FRESH
            count, last = _life(processes, path, states, violations)
            started = time.monotonic()
            states, found = await _examine(path, last)
            slowest = max(slowest, time.monotonic() - started)
            acknowledged += count
            violations += [f"kill {kill}: {violation}" for violation in found]
    if slowest > longest_start:
        violations.append(f"a start after a kill took {slowest:.1f} s")
    return Report(
        f"SQLite, {kills:,} kills of a process with {_KEEPERS} writers: {acknowledged:,} acknowledged writes looked "
        f"for; the slowest start and look after a kill {slowest:.2f} s",
        violations,
    )


def _life(
    processes: multiprocessing.context.ForkServerContext,
    path: Path,
    states: tuple[State, ...],
    violations: list[str],
) -> tuple[int, tuple[State, ...]]:
    """Let a writer live for a random time; how many writes it had acknowledged, and the last of each keeper."""
    said, saying = processes.Pipe(duplex=False)
    process = processes.Process(target=_write, args=(path, states, saying))
    with said:
        process.start()
        saying.close()
        if random.random() > _STARTS_KILLED:
            said.recv()
        end = time.monotonic() + random.uniform(0, _LONGEST_LIFE)
        last = {state.name: state for state in states}
        count = 0
        for state in filter(None, _heard(said, process, end)):
            last[state.name] = state
            count += 1
    process.join()
    if process.exitcode != -SIGKILL:
        violations.append(f"the writer ended by itself: {process.exitcode}")
    process.close()
    return count, tuple(last.values())


def _heard(said: Connection, process: multiprocessing.process.BaseProcess, end: float) -> Iterator[State | None]:
    """All that the writer says until it is killed, at `end`."""
    try:
        while (left := end - time.monotonic()) > 0:
            if said.poll(left):
                yield said.recv()
        process.kill()
        while True:
            yield said.recv()
    except EOFError:
        return


def _write(path: Path, states: tuple[State, ...], saying: Connection) -> None:
    """What the process does that is killed: write, and say what was acknowledged."""

    async def keep(keeper: Keeper) -> None:
        while not keeper.violations:
            await keeper.step()
            saying.send(keeper.state)
            if keeper.state.number % 5 == 0:
                await keeper.status_and_message()

    async def main() -> None:
        store = SQLiteStore(path)
        await store.open(COLLECTIONS)
        saying.send(None)
        await asyncio.gather(*(keep(Keeper(store, state)) for state in states))

    asyncio.run(main())


async def _examine(path: Path, states: tuple[State, ...]) -> tuple[tuple[State, ...], list[str]]:
    """What is in the file after a kill, and what is wrong with it."""
    store = SQLiteStore(path)
    await store.open(COLLECTIONS)
    importers = [Keeper(store, state) for state in states]
    for keeper in importers:
        await keeper.look()
    violations = [violation for keeper in importers for violation in keeper.violations] + await audit(store)
    await store.close()
    return tuple(keeper.state for keeper in importers), violations + integrity(path)


def integrity(path: Path) -> list[str]:
    """What SQLite finds wrong with a file."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
    return [] if found == "ok" else [f"integrity_check: {found}"]
