"""`python -m bench.tail`: latency of GETs while passwords are hashed, and what else blocks the event loop."""

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
from bench.testbed import Running, TestBed, open_test_bed
from bench.workloads import LOG_IN, ONE, Workload, send

GETS, LOGINS = 1_000, 50
SECONDS = 10
ROUNDS = 5
RECORDS = 100_000
BLOCKED, COLLECT, REVOKE, PURGE = (
    Workload(name, "", "GET", f"/bench/{name}") for name in ("blocked", "collect", "revoke", "purge")
)
SCRAPE = Workload("scrape", "", "GET", "/metrics")


def main() -> None:
    """Measure latencies under logins, then each operation that can block the event loop."""
    with open_test_bed() as bed:
        running = bed.start(shipyard("memory", "memory:", bed.plugin))
        latencies = dict(under_logins(bed, running))
        running.process.stop()
        env = {"BENCH_RECORDS": str(RECORDS), "BENCH_WATCH": "1"}
        delays = dict(blocking(bed, bed.start(shipyard("memory", "memory:", bed.plugin, **env))))
    write(latencies, delays)


def under_logins(bed: TestBed, running: Running) -> Iterator[tuple[str, Load]]:
    """Yield the results of GETs at a constant rate, without and with concurrent logins, and of the logins."""
    for name, logins in (("GET, no logins", 0), (f"GET, {LOGINS} logins a second", LOGINS)):
        show(name)
        beside = bed.generator.start(running.port, LOG_IN.request(), 32, SECONDS, LOGINS) if logins else None
        yield name, bed.generator.run(running.port, ONE.request(), 64, SECONDS, GETS)
        if beside is not None:
            yield "the logins", finish(beside)


def blocking(bed: TestBed, running: Running) -> Iterator[tuple[str, float]]:
    """Yield the longest that each operation blocks the event loop, in milliseconds, the median of all rounds."""
    bed.generator.run(running.port, ONE.request(), 64, 1)  # creates metrics to scrape
    for name, before, workload in (
        ("nothing (the measurement itself)", None, None),
        (f"garbage collection, {RECORDS:,} records", None, COLLECT),
        ("purge of 100,000 revocations", REVOKE, PURGE),
        ("metrics scrape", None, SCRAPE),
    ):
        times = []
        for _ in range(ROUNDS):
            for kind_before in [before] if before else []:
                send(running.port, kind_before.request())
            send(running.port, BLOCKED.request())
            if workload:
                send(running.port, workload.request())
            else:
                time.sleep(0.2)
            times.append(float(send(running.port, BLOCKED.request()).value["blocked"]))
        show(f"{name}: {median(times):.1f} ms")
        yield name, median(times)


def rate(load: Load) -> str:
    """Return the successful responses a second."""
    return f"{(load.responses - load.errors) / load.seconds:,.0f}"


def write(latencies: dict[str, Load], delays: dict[str, float]) -> None:
    """Write tail.md and tail.json."""
    facts = machine.facts()
    rows = [
        [name, *(f"{figure / 1000:.1f}" for figure in (load.p50, load.p99, load.p999, load.max)), rate(load)]
        for name, load in latencies.items()
    ]
    page = [
        "# Tail latency",
        "",
        f"Measured {facts['date']} on {facts['processor']}, the server on one core: {GETS:,} GETs a second, each timed "
        f"from when it was due, for {SECONDS} s.",
        *table(["", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "successes/s"], rows),
        f"The longest that the event loop was blocked, the median of {ROUNDS} times:",
        *table(["by", "ms"], [[name, f"{delay:.1f}"] for name, delay in delays.items()]),
    ]
    (RESULTS / "tail.md").write_text("\n".join(page))
    loads = {name: vars(load) for name, load in latencies.items()}
    figures = {"machine": facts, "latencies": loads, "blocked": delays}
    (RESULTS / "tail.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
