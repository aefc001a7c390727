"""`python -m bench.tail`: how long a GET waits while passwords are hashed, and what else holds the event loop."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from statistics import median

from bench import machine
from bench.load import Load, finish
from bench.measure import show
from bench.report import RESULTS, table
from bench.servers import shipyard
from bench.stage import Running, Stage, opened
from bench.work import LOG_IN, ONE, Kind, ask

GETS, LOGINS = 1_000, 50
SECONDS = 10
ROUNDS = 5
RECORDS = 100_000
HELD, COLLECT, REVOKE, PURGE = (
    Kind(name, "", "GET", f"/bench/{name}") for name in ("held", "collect", "revoke", "purge")
)
SCRAPE = Kind("scrape", "", "GET", "/metrics")


def main() -> None:
    """Measure the tail under logins, then each thing that could hold the loop."""
    with opened() as stage:
        running = stage.start(shipyard("memory", "memory:", stage.plugin))
        waits = dict(under_logins(stage, running))
        running.process.stop()
        env = {"BENCH_RECORDS": str(RECORDS), "BENCH_WATCH": "1"}
        holds = dict(held(stage, stage.start(shipyard("memory", "memory:", stage.plugin, **env))))
    write(waits, holds)


def under_logins(stage: Stage, running: Running) -> Iterator[tuple[str, Load]]:
    """GETs at a steady pace, without and with logins beside them, and the logins."""
    for name, logins in (("GET, no logins", 0), (f"GET, {LOGINS} logins a second", LOGINS)):
        show(name)
        beside = stage.generator.start(running.port, LOG_IN.request(), 32, SECONDS, LOGINS) if logins else None
        yield name, stage.generator.run(running.port, ONE.request(), 64, SECONDS, GETS)
        if beside is not None:
            yield "the logins", finish(beside)


def held(stage: Stage, running: Running) -> Iterator[tuple[str, float]]:
    """How long each thing holds the loop, in milliseconds: the median of some times, of the longest each time."""
    stage.generator.run(running.port, ONE.request(), 64, 1)  # so that there are figures to scrape
    for name, before, kind in (
        ("nothing (the watch itself)", None, None),
        (f"garbage collection, {RECORDS:,} records", None, COLLECT),
        ("purge of 100,000 revocations", REVOKE, PURGE),
        ("metrics scrape", None, SCRAPE),
    ):
        times = []
        for _ in range(ROUNDS):
            for kind_before in [before] if before else []:
                ask(running.port, kind_before.request())
            ask(running.port, HELD.request())
            if kind:
                ask(running.port, kind.request())
            else:
                time.sleep(0.2)
            times.append(float(ask(running.port, HELD.request()).value["held"]))
        show(f"{name}: {median(times):.1f} ms")
        yield name, median(times)


def rate(load: Load) -> str:
    """Answers a second that were a success."""
    return f"{(load.answers - load.refused) / load.seconds:,.0f}"


def write(waits: dict[str, Load], holds: dict[str, float]) -> None:
    """tail.md and tail.json."""
    facts = machine.facts()
    of_waits = [
        [name, *(f"{figure / 1000:.1f}" for figure in (load.p50, load.p99, load.p999, load.max)), rate(load)]
        for name, load in waits.items()
    ]
    page = [
        "# Tail",
        "",
        f"Measured {facts['date']} on {facts['processor']}, the server on one core: {GETS:,} GETs a second, each timed "
        f"from when it was due, for {SECONDS} s.",
        *table(["", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "good answers/s"], of_waits),
        f"The longest that the event loop was held, the median of {ROUNDS} times:",
        *table(["by", "ms"], [[name, f"{hold:.1f}"] for name, hold in holds.items()]),
    ]
    (RESULTS / "tail.md").write_text("\n".join(page))
    loads = {name: vars(load) for name, load in waits.items()}
    (RESULTS / "tail.json").write_text(json.dumps({"machine": facts, "waits": loads, "held": holds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
