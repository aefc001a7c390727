"""A simulated power failure during writes to a SQLite store, in which any data that was not synced can be lost."""

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
from tests.faults.checked_writer import COLLECTIONS, CheckedWriter, State, check_store
from tests.faults.disk import Disk, Event, Recorder
from tests.faults.driver import recorded
from tests.faults.report import Report
from tests.faults.sqlite_kills import integrity

_WRITERS = 8
_MAX_WRITES = 100  # of each writer
_IMAGES_PER_RECORDING = 100


class Acknowledged(NamedTuple):
    """The event that a write was acknowledged."""

    state: State


class Findings(NamedTuple):
    """The number of images that lack acknowledged writes, and the violations in all of them."""

    lost: int
    violations: list[str]


async def run(images: int = 1000) -> Report:
    """Check so many images; as a control, check a fifth as many of a store that does not sync each commit."""
    control_images = max(images // 5, 20)
    full = await _test("FULL", images)
    control = await _test("NORMAL", control_images)
    violations = full.violations.copy()
    if not control.lost:
        violations.append("the control lost nothing, so the simulated power failure has no effect")
    return Report(
        f"SQLite, power failures during writes: {images:,} images, {full.lost} of them without acknowledged writes; "
        f"the control with synchronous=NORMAL: {control_images:,} images, {control.lost} (must be more than 0)",
        violations,
    )


async def _test(synchronous: Literal["FULL", "NORMAL"], images: int) -> Findings:
    lost, violations = 0, list[str]()
    with tqdm(total=images, desc=f"SQLite, images after a power failure, {synchronous}", leave=False) as bar:
        for first in range(0, images, _IMAGES_PER_RECORDING):
            events = await _record(synchronous)
            findings = await _replay(events, min(_IMAGES_PER_RECORDING, images - first), bar)
            lost += findings.lost
            violations += findings.violations
    return Findings(lost, violations)


async def _record(synchronous: Literal["FULL", "NORMAL"]) -> list[Event | Acknowledged]:
    """Return the operations on the disk and the acknowledgements, in order, while several writers write."""
    recorder = Recorder()

    async def write(writer: CheckedWriter) -> None:
        for _ in range(random.randint(1, _MAX_WRITES)):
            await writer.write()
            recorder.events.append(Acknowledged(writer.state))

    try:
        with tempfile.TemporaryDirectory() as folder, recorded():
            store = SQLiteStore(Path(folder) / "file.db", synchronous)
            await store.open(COLLECTIONS)
            writers = [CheckedWriter(store, State(f"writer {number}")) for number in range(_WRITERS)]
            await asyncio.gather(*(write(writer) for writer in writers))
            await store.close()
    finally:
        recorder.unregister()
    return recorder.events


async def _replay(events: list[Event | Acknowledged], images: int, bar: tqdm[Any]) -> Findings:
    """Replay the events, and check so many images of the disk after power failures between them."""
    disk, states = Disk(), {f"writer {number}": State(f"writer {number}") for number in range(_WRITERS)}
    moments = sorted(random.choices(range(len(events)), k=images))
    lost, violations = 0, list[str]()
    for number, event in enumerate(events):
        if isinstance(event, Acknowledged):
            states[event.state.name] = event.state
        else:
            event(disk)
        while moments and moments[0] == number:
            moments.pop(0)
            findings = await _check_image(disk, tuple(states.values()))
            lost += findings.lost
            violations += [f"event {number} of {len(events)}: {violation}" for violation in findings.violations]
            bar.update()
    return Findings(lost, violations)


async def _check_image(disk: Disk, states: tuple[State, ...]) -> Findings:
    folder = Path(tempfile.mkdtemp())
    try:
        disk.image(folder)
        return await _check_file(folder / "file.db", states)
    except StoreUnusable as error:
        return Findings(1, [str(error)])
    finally:
        shutil.rmtree(folder)


async def _check_file(path: Path, states: tuple[State, ...]) -> Findings:
    store = SQLiteStore(path)
    await store.open(COLLECTIONS)
    writers = [CheckedWriter(store, state) for state in states]
    for writer in writers:
        await writer.check()
    losses = [violation for writer in writers for violation in writer.violations]
    violations = await check_store(store)
    await store.close()
    return Findings(bool(losses), losses + violations + integrity(path))
