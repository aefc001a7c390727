"""Write results as tables and charts, to bench/results/ by default."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from bench.chart import bars, number_of
from bench.servers import Server
from bench.targets import Rounds, evaluate
from bench.testbed import Sample
from bench.workloads import WORKLOADS

RESULTS = Path(__file__).parent / "results"
COLOURS = {"Shipyard": 0, "peer": 1, "peer with a cache": 2, "baseline": 3}
NOTE = "server CPU, microseconds a request; less is better"
LEGEND = "Blue: Shipyard. Grey: peers. Ochre: peers that cache tokens. Green: baselines, which return fixed bytes."
Figures = Mapping[str, Mapping[str, Sample]]
"""The medians, by workload and server."""


def write(
    folder: Path, rounds: Rounds, servers: Sequence[Server], machine: Mapping[str, Any], setup: Mapping[str, Any]
) -> None:
    """Write results.json, a chart for each workload, and README.md. `setup`: how it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = medians(rounds)
    workloads = {
        workload: {name: asdict(sample) for name, sample in by_name.items()} for workload, by_name in figures.items()
    }
    whole = {"machine": machine, **setup, "workloads": workloads}
    (folder / "results.json").write_text(json.dumps(whole, indent=1) + "\n")
    roles = {server.name: server.role for server in servers}
    for workload in WORKLOADS:
        if workload.name in figures:
            rows = [(name, sample.cpu, COLOURS[roles[name]]) for name, sample in ranked(figures[workload.name])]
            (folder / f"{workload.name}.svg").write_text(bars(workload.title, rows, NOTE))
    parts = (
        _opening(machine, setup),
        overview(figures),
        _targets(rounds, roles),
        _workloads(figures),
        _failed(setup["failed"]),
    )
    (folder / "README.md").write_text("\n".join(chain.from_iterable(parts)) + "\n")


def medians(rounds: Rounds) -> Figures:
    """Return the medians of all rounds."""
    return {
        workload: {name: _median(samples) for name, samples in by_name.items()} for workload, by_name in rounds.items()
    }


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(*(median(getattr(sample, figure.name) for sample in samples) for figure in fields(Sample)))


def ranked(by_name: Mapping[str, Sample]) -> list[tuple[str, Sample]]:
    """Return the servers by CPU, ascending."""
    return sorted(by_name.items(), key=lambda row: row[1].cpu)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table: a column of text, then columns of numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return ["", *[f"| {' | '.join(line)} |" for line in lines], ""]


def _opening(machine: Mapping[str, Any], setup: Mapping[str, Any]) -> Iterator[str]:
    yield "# Results"
    yield ""
    yield f"Measured {machine['date']} on {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
    yield f"Python {machine['python']}: one worker on one core, the load ({setup['load']}) on another, 64 connections "
    yield f"(logins: 4), {setup['rounds']} rounds of {setup['seconds']:g} s interleaved across the servers, medians."
    yield "CPU is that of the server's whole process tree, divided by the number of requests: the stable figure."
    yield "Before that, each response was compared with the expected one, and five invalid requests had to be rejected."
    yield ""
    for name in "shipyard", "peers":
        versions = ", ".join(f"{package} {version}" for package, version in machine[name].items())
        yield f"Versions ({'Shipyard and the aiohttp rows' if name == 'shipyard' else 'the others'}): {versions}."
        yield ""
    yield "See also: [how cost grows](scale.md), [the tail](tail.md), [long lists](lists.md)."
    yield ""


def overview(figures: Figures) -> Iterator[str]:
    """Yield a table of the CPU of every server at every workload."""
    workloads = [workload for workload in WORKLOADS if workload.name in figures]
    names = dict.fromkeys(name for workload in workloads for name in figures[workload.name])
    rows = [[name, *(_cpu(figures[workload.name].get(name)) for workload in workloads)] for name in names]
    yield "## Server CPU, microseconds a request"
    yield from table(["", *(workload.title for workload in workloads)], rows)


def _cpu(sample: Sample | None) -> str:
    return "" if sample is None else number_of(sample.cpu)


def _targets(rounds: Rounds, roles: Mapping[str, str]) -> Iterator[str]:
    yield "## Targets"
    yield ""
    yield "Each is the median of the ratios of each round, because the speed of the machine changes between rounds."
    rows = [
        [text, f"{limit:.3g}", f"{ratio:.2f}", "yes" if met else "**no**"]
        for text, limit, ratio, met in evaluate(rounds, roles)
    ]
    yield from table(["ratio", "target", "measured", "met"], rows)


def _workloads(figures: Figures) -> Iterator[str]:
    yield LEGEND
    for workload in WORKLOADS:
        if workload.name in figures:
            rows = [
                [name, number_of(s.cpu), f"{s.rate:,.0f}", number_of(s.p50), number_of(s.p99)]
                for name, s in ranked(figures[workload.name])
            ]
            yield from ["", f"## {workload.title}", "", f"![{workload.title}: {NOTE}]({workload.name}.svg)"]
            yield from table(["server", "CPU us a request", "requests/s", "p50 ms", "p99 ms"], rows)


def _failed(failed: Mapping[str, str]) -> Iterator[str]:
    if failed:
        yield "## Left out"
        yield ""
        yield from (f"- {name}: {reason.splitlines()[-1][-200:]}" for name, reason in failed.items())
