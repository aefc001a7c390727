"""What was measured, as tables and charts in bench/results/."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from bench.aims import Rounds, met
from bench.chart import bars, number_of
from bench.servers import Server
from bench.stage import Sample
from bench.work import KINDS

RESULTS = Path(__file__).parent / "results"
COLOURS = {"Shipyard": 0, "peer": 1, "peer with a cache": 2, "floor": 3}
NOTE = "server CPU, microseconds a request; less is better"
LEGEND = "Blue: Shipyard. Grey: peers. Ochre: peers that remember tokens. Green: floors, which answer fixed bytes."
Figures = Mapping[str, Mapping[str, Sample]]
"""The medians, by kind of work and server."""


def write(
    folder: Path, rounds: Rounds, servers: Sequence[Server], machine: Mapping[str, Any], said: Mapping[str, Any]
) -> None:
    """results.json, a chart for each kind of work, and README.md over them. `said`: how it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = medians(rounds)
    kinds = {kind: {name: asdict(sample) for name, sample in by_name.items()} for kind, by_name in figures.items()}
    whole = {"machine": machine, **said, "kinds": kinds}
    (folder / "results.json").write_text(json.dumps(whole, indent=1) + "\n")
    roles = {server.name: server.role for server in servers}
    for kind in KINDS:
        if kind.name in figures:
            rows = [(name, sample.cpu, COLOURS[roles[name]]) for name, sample in ranked(figures[kind.name])]
            (folder / f"{kind.name}.svg").write_text(bars(kind.title, rows, NOTE))
    parts = _opening(machine, said), overview(figures), _aims(rounds, roles), _kinds(figures), _failed(said["failed"])
    (folder / "README.md").write_text("\n".join(chain.from_iterable(parts)) + "\n")


def medians(rounds: Rounds) -> Figures:
    """Of all rounds."""
    return {kind: {name: _median(samples) for name, samples in by_name.items()} for kind, by_name in rounds.items()}


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(*(median(getattr(sample, figure.name) for sample in samples) for figure in fields(Sample)))


def ranked(by_name: Mapping[str, Sample]) -> list[tuple[str, Sample]]:
    """The cheapest first."""
    return sorted(by_name.items(), key=lambda row: row[1].cpu)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table: a column of words, then columns of figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return ["", *[f"| {' | '.join(line)} |" for line in lines], ""]


def _opening(machine: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    yield "# Results"
    yield ""
    yield f"Measured {machine['date']} on {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
    yield f"Python {machine['python']}: one worker on one core, the load ({said['load']}) on another, 64 connections "
    yield f"(logins: 4), {said['rounds']} rounds of {said['seconds']:g} s interleaved across the servers, medians."
    yield "CPU is that of the server's whole process tree, divided by the requests it answered: the stable figure."
    yield "Each answer was compared with the right one first, and five bad requests had to be refused."
    yield ""
    for name in "shipyard", "peers":
        versions = ", ".join(f"{package} {version}" for package, version in machine[name].items())
        yield f"Versions ({'Shipyard and the aiohttp rows' if name == 'shipyard' else 'the others'}): {versions}."
        yield ""
    yield "Beside these: [how cost grows](scale.md), [the tail](tail.md), [long lists](lists.md)."
    yield ""


def overview(figures: Figures) -> Iterator[str]:
    """What every server costs at every work, as a table."""
    kinds = [kind for kind in KINDS if kind.name in figures]
    names = dict.fromkeys(name for kind in kinds for name in figures[kind.name])
    rows = [[name, *(_cpu(figures[kind.name].get(name)) for kind in kinds)] for name in names]
    yield "## Server CPU, microseconds a request"
    yield from table(["", *(kind.title for kind in kinds)], rows)


def _cpu(sample: Sample | None) -> str:
    return "" if sample is None else number_of(sample.cpu)


def _aims(rounds: Rounds, roles: Mapping[str, str]) -> Iterator[str]:
    yield "## Aims"
    yield ""
    yield "Each is the median of the ratios of each round: the machine's speed changes from round to round."
    rows = [
        [text, f"{wanted:.3g}", f"{ratio:.2f}", "yes" if good else "**no**"]
        for text, wanted, ratio, good in met(rounds, roles)
    ]
    yield from table(["of the cost or the rate of", "aim", "measured", "met"], rows)


def _kinds(figures: Figures) -> Iterator[str]:
    yield LEGEND
    for kind in KINDS:
        if kind.name in figures:
            rows = [
                [name, number_of(s.cpu), f"{s.rate:,.0f}", number_of(s.p50), number_of(s.p99)]
                for name, s in ranked(figures[kind.name])
            ]
            yield from ["", f"## {kind.title}", "", f"![{kind.title}: {NOTE}]({kind.name}.svg)"]
            yield from table(["server", "CPU us a request", "requests/s", "p50 ms", "p99 ms"], rows)


def _failed(failed: Mapping[str, str]) -> Iterator[str]:
    if failed:
        yield "## Left out"
        yield ""
        yield from (f"- {name}: {reason.splitlines()[-1][-200:]}" for name, reason in failed.items())
