"""`python -m bench.scale`: cost by number of records, routes and workers; memory and start-up time by records."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench import machine
from bench.chart import curves
from bench.database import postgres
from bench.measure import show
from bench.process import log_in
from bench.report import RESULTS, table
from bench.servers import shipyard
from bench.testbed import Running, TestBed, open_test_bed
from bench.workloads import LIST, ONE, PUT, SHIPS, TOKEN, Workload

RECORDS = (len(SHIPS), 1_000, 100_000, 1_000_000)
ROUTES = (10, 100, 1_000)
ROUNDS = 3
SECONDS = 1.0
PAGE = Workload("page", "GET a page of 25", "GET", "/api/ships?_limit=25")
FILTER = Workload("filter", "GET a page, filtered", "GET", "/api/ships?affiliation=Empire&_limit=25", connections=1)
STORES = {"memory": "memory:", "SQLite": "sqlite:///{folder}/{records}.db"}
Curves = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Measure and draw all curves."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--most", type=int, default=max(RECORDS), help="the largest number of records")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    sizes = [size for size in RECORDS if size <= options.most]
    with open_test_bed() as bed, postgres(bed.folder, bed.cores.database) as url:
        # One database for all sizes: each size adds to the records of the one before.
        drawn = [*by_records(bed, STORES | {"PostgreSQL": url}, sizes), by_routes(bed), by_workers(bed)]
    write(options.results, drawn)


def by_records(
    bed: TestBed, stores: Mapping[str, str], sizes: Sequence[int]
) -> list[tuple[str, str, str, str, Curves]]:
    """Return the curves of cost, memory and start-up time by the number of records."""
    cost: Curves = {}
    filtered: Curves = {}
    memory: Curves = {}
    start: Curves = {}
    for store, url in stores.items():
        for size in sizes:
            address = url.format(folder=bed.folder, records=size)
            running = bed.start(shipyard(store, address, bed.plugin, BENCH_RECORDS=str(size)), patience=600)
            for workload in ONE, PAGE, PUT:
                cost.setdefault(f"{store}: {workload.title}", []).append((size, cpu(bed, running, workload)))
            filtered.setdefault(store, []).append((size, cpu(bed, running, FILTER) / 1000))
            memory.setdefault(store, []).append((size, running.process.memory() / 2**20))
            running.process.stop()
            if store == "memory":
                continue
            again = bed.start(shipyard(store, address, bed.plugin))
            start.setdefault(f"{store}, filled before", []).append((size, again.start_up))
            again.process.stop()
    of = "records in the store"
    return [
        ("records", "Cost by number of records", of, "server CPU, microseconds a request", cost),
        (
            "filter",
            "Filter on an indexed field, by number of records",
            of,
            "server CPU, milliseconds a request",
            filtered,
        ),
        ("memory", "Memory by number of records", of, "MiB of the whole process", memory),
        ("start", "Start-up by number of records", of, "seconds to the first response", start),
    ]


def by_routes(bed: TestBed) -> tuple[str, str, str, str, Curves]:
    """Return the curve of cost by the number of routes registered before the requested one."""
    lines: Curves = {}
    for where, variable in {"beside": "BENCH_ROUTES", "below the same {id}": "BENCH_ROUTES_BELOW"}.items():
        for number in ROUTES:
            running = bed.start(shipyard("memory", "memory:", bed.plugin, **{variable: str(number)}))
            lines.setdefault(f"more routes {where}", []).append((number, cpu(bed, running, TOKEN)))
            running.process.stop()
    return "routes", "Cost by number of routes", "routes registered before", "server CPU, microseconds a request", lines


def by_workers(bed: TestBed) -> tuple[str, str, str, str, Curves]:
    """Return the curve of cost with one and two workers, which use all cores, including that of the load."""
    lines: Curves = {}
    for workers in (1, 2):
        url = f"sqlite:///{bed.folder}/workers-{workers}.db"
        server = shipyard("SQLite", url, bed.plugin, SHIPYARD_WORKERS=str(workers))
        running = bed.start(server, frozenset({bed.cores.server, bed.cores.load}))
        for workload in ONE, LIST, PUT:
            lines.setdefault(workload.title, []).append((workers, cpu(bed, running, workload)))
        running.process.stop()
    return "workers", "Cost by number of workers (SQLite)", "workers", "server CPU, microseconds a request", lines


def cpu(bed: TestBed, running: Running, workload: Workload) -> float:
    """Return the CPU of a request in microseconds, the median of all rounds."""
    request = workload.request(log_in(running.port))
    cost = median(bed.sample(running, request, workload.connections, SECONDS).cpu for _ in range(ROUNDS))
    show(f"{running.server.name}, {workload.title}: {cost:.1f} us")
    return cost


def write(folder: Path, drawn: Sequence[tuple[str, str, str, str, Curves]]) -> None:
    """Write a chart for each curve, and all figures as Markdown and JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = machine.facts()
    page = [
        "# Scale",
        "",
        f"Measured {facts['date']} on {facts['processor']}, {facts['cores']} cores.",
        "CPU and memory of the database server are not counted.",
    ]
    figures: dict[str, Mapping[str, Any]] = {}
    for name, title, across, up, lines in drawn:
        figures[name] = lines
        (folder / f"scale-{name}.svg").write_text(curves(title, across, up, lines))
        steps = [f"{x:,.0f}" for x, _ in next(iter(lines.values()))]
        rows = [[line, *(f"{y:,.1f}" for _, y in points)] for line, points in lines.items()]
        page += ["", f"## {title}", "", f"![{title}: {up}](scale-{name}.svg)"]
        page += table([f"{up}, by {across}", *steps], rows)
    (folder / "scale.md").write_text("\n".join([*page, *_per_record(figures["memory"])]) + "\n")
    (folder / "scale.json").write_text(json.dumps({"machine": facts, "curves": figures}, indent=1) + "\n")


def _per_record(memory: Mapping[str, Any]) -> list[str]:
    lines = []
    for store, points in memory.items():
        (few, base), (many, most) = points[0], points[-1]
        lines.append(f"{store}: {(most - base) * 2**20 / (many - few):,.0f} bytes of memory a record.")
    return lines


if __name__ == "__main__":
    main()
