"""`python -m bench.lists`: latency of lists of 100,000 ships in memory, and how long they block the event loop."""

from __future__ import annotations

import json
from statistics import median

from bench import machine
from bench.measure import show
from bench.report import RESULTS, table
from bench.servers import shipyard
from bench.testbed import Running, TestBed, open_test_bed
from bench.workloads import Workload, send

RECORDS = 100_000
ROUNDS = 5
BLOCKED = Workload("blocked", "", "GET", "/bench/blocked")
LISTS = {
    "page of 25 from 0": "_start=0&_limit=25",
    "page of 25 from 50,000": "_start=50000&_limit=25",
    "page of 25 from 99,975": "_start=99975&_limit=25",
    "page of 25 after an id": "_after=50000&_limit=25",
    "page of 25 sorted by length": "_sort=length&_start=50000&_limit=25",
    "page of 25 sorted by two fields": "_sort=-length,model&_start=50000&_limit=25",
    "filter on an indexed field": "affiliation=Empire&_limit=25",
    "filter on an unindexed field": "length_gte=9990&_limit=25",
    "filter on part of a string": "model_like=wing%2099&_limit=25",
    "filter on a list field": "roles=Escort&_limit=25",
    "search in all text fields": "q=x-wing%20777&_limit=25",
    "no query: 1,000 records": "",
}


def main() -> None:
    """Measure one list after the other, on an otherwise idle server."""
    with open_test_bed() as bed:
        show(f"filling with {RECORDS:,} ships")
        env = {"BENCH_RECORDS": str(RECORDS), "BENCH_WATCH": "1"}
        running = bed.start(shipyard("memory", "memory:", bed.plugin, **env))
        figures = {name: measure(bed, running, name, query) for name, query in LISTS.items()}
    facts = machine.facts()
    (RESULTS / "lists.json").write_text(json.dumps({"machine": facts, "lists": figures}, indent=1) + "\n")
    rows = [
        [name, f"`?{LISTS[name]}`" if LISTS[name] else "", f"{latency:.1f}", f"{blocked:.1f}"]
        for name, (latency, blocked) in figures.items()
    ]
    page = [
        f"# Lists of {RECORDS:,} ships in memory",
        "",
        f"Measured {facts['date']} on {facts['processor']}: milliseconds from request to response for one client, the "
        f"median of {ROUNDS}, and the longest that any of them blocked the event loop.",
        *table(["list", "query", "ms", "event loop blocked, ms"], rows),
    ]
    (RESULTS / "lists.md").write_text("\n".join(page))


def measure(bed: TestBed, running: Running, name: str, query: str) -> tuple[float, float]:
    """Return the latency of one list and the longest that the event loop was blocked, in milliseconds."""
    request = Workload("", "", "GET", f"/api/ships?{query}".rstrip("?")).request()
    if (status := send(running.port, request).status) != 200:
        raise RuntimeError(f"{name}: {status}")
    send(running.port, BLOCKED.request())  # starts a new period
    latencies = [bed.generator.run(running.port, request, 1, 0.01).p50 / 1e3 for _ in range(ROUNDS)]
    blocked: float = send(running.port, BLOCKED.request()).value["blocked"]
    show(f"{name}: {median(latencies):.1f} ms, event loop blocked {blocked:.1f} ms")
    return median(latencies), blocked


if __name__ == "__main__":
    main()
