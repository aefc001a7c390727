"""`python -m bench.lists`: what a list costs with 100,000 ships in memory, and how long it holds the event loop."""

from __future__ import annotations

import json
from statistics import median

from bench import machine
from bench.measure import show
from bench.report import RESULTS, table
from bench.servers import shipyard
from bench.stage import Running, Stage, opened
from bench.work import Kind, ask

RECORDS = 100_000
ROUNDS = 5
HELD = Kind("held", "", "GET", "/bench/held")
LISTS = {
    "page of 25 from 0": "_start=0&_limit=25",
    "page of 25 from 50,000": "_start=50000&_limit=25",
    "page of 25 from 99,975": "_start=99975&_limit=25",
    "page of 25 after an id": "_after=50000&_limit=25",
    "page of 25 sorted by length": "_sort=length&_start=50000&_limit=25",
    "page of 25 sorted by two fields": "_sort=-length,model&_start=50000&_limit=25",
    "filter on an indexed field": "affiliation=Empire&_limit=25",
    "filter on an unindexed field": "length_gte=9990&_limit=25",
    "filter on part of a text": "model_like=wing%2099&_limit=25",
    "filter on a list field": "roles=Escort&_limit=25",
    "search in all text": "q=x-wing%20777&_limit=25",
    "no parameter: 1,000 records": "",
}


def main() -> None:
    """Measure each list by itself, on an otherwise idle service."""
    with opened() as stage:
        show(f"filling with {RECORDS:,} ships")
        env = {"BENCH_RECORDS": str(RECORDS), "BENCH_WATCH": "1"}
        running = stage.start(shipyard("memory", "memory:", stage.plugin, **env))
        figures = {name: measure(stage, running, name, query) for name, query in LISTS.items()}
    facts = machine.facts()
    (RESULTS / "lists.json").write_text(json.dumps({"machine": facts, "lists": figures}, indent=1) + "\n")
    rows = [
        [name, f"`?{LISTS[name]}`" if LISTS[name] else "", f"{took:.1f}", f"{held:.1f}"]
        for name, (took, held) in figures.items()
    ]
    page = [
        f"# Lists of {RECORDS:,} ships in memory",
        "",
        f"Measured {facts['date']} on {facts['processor']}: milliseconds from request to answer for one client, the "
        f"median of {ROUNDS}, and the longest that any of them held the event loop.",
        *table(["list", "query", "ms", "loop held, ms"], rows),
    ]
    (RESULTS / "lists.md").write_text("\n".join(page))


def measure(stage: Stage, running: Running, name: str, query: str) -> tuple[float, float]:
    """Milliseconds an answer takes, and the longest that the loop was held, for one list."""
    request = Kind("", "", "GET", f"/api/ships?{query}".rstrip("?")).request()
    if (status := ask(running.port, request).status) != 200:
        raise RuntimeError(f"{name}: {status}")
    ask(running.port, HELD.request())
    took = [stage.generator.run(running.port, request, 1, 0.01).p50 / 1e3 for _ in range(ROUNDS)]
    held: float = ask(running.port, HELD.request()).value["held"]
    show(f"{name}: {median(took):.1f} ms, loop held {held:.1f} ms")
    return median(took), held


if __name__ == "__main__":
    main()
