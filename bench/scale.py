"""`python -m bench.scale`: how cost grows with records, routes and workers; memory and start-up too."""

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
from bench.stage import Running, Stage, opened
from bench.work import LIST, ONE, PUT, SHIPS, TOKEN, Kind

RECORDS = (len(SHIPS), 1_000, 100_000, 1_000_000)
ROUTES = (10, 100, 1_000)
ROUNDS = 3
SECONDS = 1.0
PAGE = Kind("page", "GET a page of 25", "GET", "/api/ships?_limit=25")
FILTER = Kind("filter", "GET a page, filtered", "GET", "/api/ships?affiliation=Empire&_limit=25", connections=1)
STORES = {"memory": "memory:", "SQLite": "sqlite:///{folder}/{records}.db"}
Curves = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Measure each curve, and draw it."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--most", type=int, default=max(RECORDS), help="leave out larger numbers of records")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    sizes = [size for size in RECORDS if size <= options.most]
    with opened() as stage, postgres(stage.folder, stage.cores.database) as url:
        # One database for all sizes: each is filled up from the one before.
        drawn = [*by_records(stage, STORES | {"PostgreSQL": url}, sizes), by_routes(stage), by_workers(stage)]
    write(options.results, drawn)


def by_records(
    stage: Stage, stores: Mapping[str, str], sizes: Sequence[int]
) -> list[tuple[str, str, str, str, Curves]]:
    """Cost, memory and start-up by the number of records."""
    cost: Curves = {}
    filtered: Curves = {}
    memory: Curves = {}
    start: Curves = {}
    for store, url in stores.items():
        for size in sizes:
            address = url.format(folder=stage.folder, records=size)
            running = stage.start(shipyard(store, address, stage.plugin, BENCH_RECORDS=str(size)), patience=600)
            for kind in ONE, PAGE, PUT:
                cost.setdefault(f"{store}: {kind.title}", []).append((size, cpu(stage, running, kind)))
            filtered.setdefault(store, []).append((size, cpu(stage, running, FILTER) / 1000))
            memory.setdefault(store, []).append((size, running.process.memory() / 2**20))
            running.process.stop()
            if store == "memory":
                continue
            again = stage.start(shipyard(store, address, stage.plugin))
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
        ("start", "Start-up by number of records", of, "seconds to the first answer", start),
    ]


def by_routes(stage: Stage) -> tuple[str, str, str, str, Curves]:
    """Cost by the number of routes that come before the one that is asked for."""
    lines: Curves = {}
    for where, variable in {"beside": "BENCH_ROUTES", "below the same {id}": "BENCH_ROUTES_BELOW"}.items():
        for number in ROUTES:
            running = stage.start(shipyard("memory", "memory:", stage.plugin, **{variable: str(number)}))
            lines.setdefault(f"more routes {where}", []).append((number, cpu(stage, running, TOKEN)))
            running.process.stop()
    return "routes", "Cost by number of routes", "routes registered before", "server CPU, microseconds a request", lines


def by_workers(stage: Stage) -> tuple[str, str, str, str, Curves]:
    """Cost with one and two workers, which have all cores, the load's too."""
    lines: Curves = {}
    for workers in (1, 2):
        url = f"sqlite:///{stage.folder}/workers-{workers}.db"
        server = shipyard("SQLite", url, stage.plugin, SHIPYARD_WORKERS=str(workers))
        running = stage.start(server, frozenset({stage.cores.server, stage.cores.load}))
        for kind in ONE, LIST, PUT:
            lines.setdefault(kind.title, []).append((workers, cpu(stage, running, kind)))
        running.process.stop()
    return "workers", "Cost by number of workers (SQLite)", "workers", "server CPU, microseconds a request", lines


def cpu(stage: Stage, running: Running, kind: Kind) -> float:
    """Microseconds of CPU a request, the median of some rounds."""
    request = kind.request(log_in(running.port))
    cost = median(stage.sample(running, request, kind.connections, SECONDS).cpu for _ in range(ROUNDS))
    show(f"{running.server.name}, {kind.title}: {cost:.1f} us")
    return cost


def write(folder: Path, drawn: Sequence[tuple[str, str, str, str, Curves]]) -> None:
    """A curve and a table for each, and the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = machine.facts()
    page = [
        "# Scale",
        "",
        f"Measured {facts['date']} on {facts['processor']}, {facts['cores']} cores. The database's own",
    ]
    page += ["CPU and memory are not counted."]
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
