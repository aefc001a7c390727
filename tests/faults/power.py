"""A loss of power under writes to a SQLite store, simulated: any part of what was not synced is lost."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tqdm import tqdm

from service.store.base import StoreUnusable
from service.store.sqlite import SQLiteStore
from tests.faults.disk import Disk, Event, Recorder
from tests.faults.driver import recorded
from tests.faults.keeper import COLLECTIONS, Keeper, State, audit
from tests.faults.report import Report
from tests.faults.sqlite_kills import integrity

_KEEPERS = 8
_WRITES = 100  # of each keeper
_IMAGES_OF_A_RUN = 100


class Acknowledged(NamedTuple):
    """The event that a client was told of its write."""

    state: State


class Found(NamedTuple):
    """How many of the images had lost what was acknowledged; and all that was wrong with any."""

    lost: int
    violations: list[str]


async def run(images: int = 1000) -> Report:
    """Make so many images, and a fifth as many without the syncs that matter, as the control."""
    full = await _lose(images, "FULL")
    control = await _lose(max(images // 5, 20), "NORMAL")
    violations = full.violations.copy()
    if not control.lost:
        violations.append("the control lost nothing: what is simulated is no loss of power")
    return Report(
        f"SQLite, power lost under writes: {images:,} images, {full.lost} of them without acknowledged writes; "
        f"the control with synchronous=NORMAL: {max(images // 5, 20):,} images, {control.lost} (more than 0 wanted)",
        violations,
    )


async def _lose(images: int, synchronous: Literal["FULL", "NORMAL"]) -> Found:
    lost, violations = 0, list[str]()
    with tqdm(total=images, desc=f"SQLite, images after a loss of power, {synchronous}", leave=False) as bar:
        for first in range(0, images, _IMAGES_OF_A_RUN):
            events = await _record(synchronous)
            found = await _replay(events, min(_IMAGES_OF_A_RUN, images - first), bar)
            lost += found.lost
            violations += found.violations
    return Found(lost, violations)


async def _record(synchronous: Literal["FULL", "NORMAL"]) -> list[Event | Acknowledged]:
    """All that happens to the disk, and to the clients, while some write."""
    recorder = Recorder()

    async def keep(keeper: Keeper) -> None:
        for _ in range(random.randint(1, _WRITES)):
            await keeper.step()
            recorder.events.append(Acknowledged(keeper.state))

    try:
        with tempfile.TemporaryDirectory() as folder, recorded():
            store = SQLiteStore(Path(folder) / "file.db", synchronous)
            await store.open(COLLECTIONS)
            await asyncio.gather(*(keep(Keeper(store, State(f"keeper {number}"))) for number in range(_KEEPERS)))
            await store.close()
    finally:
        recorder.unregister()
    return recorder.events


async def _replay(events: list[Event | Acknowledged], images: int, bar: tqdm[Any]) -> Found:
    """Play the events again, and look at what a loss of power would leave, so many times."""
    disk, states = Disk(), {f"keeper {number}": State(f"keeper {number}") for number in range(_KEEPERS)}
    moments = sorted(random.choices(range(len(events)), k=images))
    lost, violations = 0, list[str]()
    for number, event in enumerate(events):
        if isinstance(event, Acknowledged):
            states[event.state.name] = event.state
        else:
            event(disk)
        while moments and moments[0] == number:
            moments.pop(0)
            found = await _look(disk, tuple(states.values()))
            lost += found.lost
            violations += [f"event {number} of {len(events)}: {violation}" for violation in found.violations]
            bar.update()
    return Found(lost, violations)


async def _look(disk: Disk, states: tuple[State, ...]) -> Found:
    folder = Path(tempfile.mkdtemp())
    try:
        disk.image(folder)
        return await _examine(folder / "file.db", states)
    except StoreUnusable as error:
        return Found(1, [str(error)])
    finally:
        shutil.rmtree(folder)


async def _examine(path: Path, states: tuple[State, ...]) -> Found:
    store = SQLiteStore(path)
    await store.open(COLLECTIONS)
    importers = [Keeper(store, state) for state in states]
    for keeper in importers:
        await keeper.look()
    losses = [violation for keeper in importers for violation in keeper.violations]
    wrong = await audit(store)
    await store.close()
    return Found(bool(losses), losses + wrong + integrity(path))
