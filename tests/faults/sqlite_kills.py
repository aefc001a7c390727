"""SIGKILL of a process that writes to a SQLite store, at random moments."""

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
from tests.faults.checked_writer import COLLECTIONS, CheckedWriter, State, check_store
from tests.faults.report import Report

_WRITERS = 8
_KILLS_PER_FILE = 25
_MAX_RUN_SECONDS = 0.15
_KILLED_AT_START = 0.1  # the share of processes that may be killed while they open the store
_MAX_START_SECONDS = 5.0
_INITIAL_STATES = tuple(State(f"writer {number}") for number in range(_WRITERS))


async def run(kills: int = 1000, max_start_seconds: float = _MAX_START_SECONDS) -> Report:
    """Kill a writing process so many times, and check the file after each."""
    # A process forked from one that has imported everything starts in milliseconds.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    acknowledged, slowest, violations, states = 0, 0.0, list[str](), _INITIAL_STATES
    with tempfile.TemporaryDirectory() as folder:
        for kill in tqdm(range(kills), "SQLite, writers killed", leave=False):
            path = Path(folder) / f"{kill // _KILLS_PER_FILE}.db"
            if kill % _KILLS_PER_FILE == 0:
                states = _INITIAL_STATES
            count, states = _run_and_kill(processes, path, states, violations)
            started = time.monotonic()
            states, found = await _check(path, states)
            slowest = max(slowest, time.monotonic() - started)
            acknowledged += count
            violations += [f"kill {kill}: {violation}" for violation in found]
    if slowest > max_start_seconds:
        violations.append(f"a start after a kill took {slowest:.1f} s")
    return Report(
        f"SQLite, {kills:,} kills of a process with {_WRITERS} writers: {acknowledged:,} acknowledged writes checked; "
        f"the slowest start and check after a kill took {slowest:.2f} s",
        violations,
    )


def _run_and_kill(
    processes: multiprocessing.context.ForkServerContext,
    path: Path,
    states: tuple[State, ...],
    violations: list[str],
) -> tuple[int, tuple[State, ...]]:
    """Run a writing process for a random time; return the number of acknowledged writes, and the states after them."""
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=_write, args=(path, states, sender))
    with receiver:
        process.start()
        sender.close()
        if random.random() > _KILLED_AT_START:
            receiver.recv()
        end = time.monotonic() + random.uniform(0, _MAX_RUN_SECONDS)
        last = {state.name: state for state in states}
        count = 0
        for state in filter(None, _received(receiver, process, end)):
            last[state.name] = state
            count += 1
    process.join()
    if process.exitcode != -SIGKILL:
        violations.append(f"the writing process exited: {process.exitcode}")
    process.close()
    return count, tuple(last.values())


def _received(receiver: Connection, process: multiprocessing.process.BaseProcess, end: float) -> Iterator[State | None]:
    """Everything that the process sends; it is killed at the time `end`."""
    try:
        while (remaining := end - time.monotonic()) > 0:
            if receiver.poll(remaining):
                yield receiver.recv()
        process.kill()
        while True:
            yield receiver.recv()
    except EOFError:
        return


def _write(path: Path, states: tuple[State, ...], sender: Connection) -> None:
    """Write to the store, send None when it is open, then the state after each acknowledged write."""

    async def write(writer: CheckedWriter) -> None:
        while not writer.violations:
            await writer.write()
            sender.send(writer.state)
            if writer.state.number % 5 == 0:
                await writer.write_duplicate()

    async def main() -> None:
        store = SQLiteStore(path)
        await store.open(COLLECTIONS)
        sender.send(None)
        await asyncio.gather(*(write(CheckedWriter(store, state)) for state in states))

    asyncio.run(main())


async def _check(path: Path, states: tuple[State, ...]) -> tuple[tuple[State, ...], list[str]]:
    """Return the states of the writers in the file, and the violations."""
    store = SQLiteStore(path)
    await store.open(COLLECTIONS)
    writers = [CheckedWriter(store, state) for state in states]
    for writer in writers:
        await writer.check()
    violations = [violation for writer in writers for violation in writer.violations] + await check_store(store)
    await store.close()
    return tuple(writer.state for writer in writers), violations + integrity(path)


def integrity(path: Path) -> list[str]:
    """Return the violations that SQLite's integrity check finds."""
    with closing(sqlite3.connect(path)) as connection:
        (result,) = connection.execute("PRAGMA integrity_check").fetchone()
    return [] if result == "ok" else [f"integrity_check: {result}"]
