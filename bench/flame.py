"""`python -m bench.flame NAME`: the CPU profile of a workload as a flame graph, bench/results/flame-NAME-WORKLOAD.svg.

The profiler, py-spy, samples the server under load; on most systems it requires root.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from html import escape

from bench import environment
from bench.chart import panel, text
from bench.load import finish
from bench.measure import show
from bench.process import log_in
from bench.report import RESULTS
from bench.servers import shipyard
from bench.testbed import Running, TestBed, open_test_bed
from bench.workloads import ONE, PUT, WORKLOADS, Workload

SECONDS = 10
WIDTH, ROW, LEAST = 1200, 18, 0.002
COLOURS = {"service": 0, "plugins": 0, "shipyard_bench": 0, "aiohttp": 1}
LOOP = "Runner.run (asyncio/runners.py"
LEGEND = "Blue: Shipyard. Grey: aiohttp. Ochre: other packages. Green: Python itself. Callers above, widths are CPU."
Stacks = Counter[tuple[str, ...]]


def main() -> None:
    """Draw the selected workloads."""
    parser = argparse.ArgumentParser(prog="python -m bench.flame", description=__doc__)
    parser.add_argument("name", help="such as before, after")
    parser.add_argument(
        "--workloads", nargs="+", default=[ONE.name, PUT.name], choices=[workload.name for workload in WORKLOADS]
    )
    options = parser.parse_args()
    with open_test_bed() as bed:
        running = bed.start(shipyard("memory", "memory:", bed.plugin))
        for workload in (workload for workload in WORKLOADS if workload.name in options.workloads):
            show(workload.title)
            svg = draw(f"{workload.title}, {options.name}", stacks(bed, running, workload))
            (RESULTS / f"flame-{options.name}-{workload.name}.svg").write_text(svg)


def stacks(bed: TestBed, running: Running, workload: Workload) -> Stacks:
    """Return the sampled stacks, from the outermost function to the innermost, and how often each occurred."""
    request = workload.request(log_in(running.port))
    load = bed.generator.start(running.port, request, workload.connections, SECONDS + 2)
    raw = bed.folder / "stacks.txt"
    spy = [
        str(environment.PYTHON.with_name("py-spy")),
        "record",
        "--function",
        "-f",
        "raw",
        "-r",
        "500",
        "-o",
        str(raw),
    ]
    try:
        subprocess.run([*spy, "-d", str(SECONDS), "--pid", str(running.process.pid)], check=True, capture_output=True)
    finally:
        finish(load)
    seen: Stacks = Counter()
    for line in raw.read_text().splitlines():
        stack, _, times = line.rpartition(" ")
        _, loop, inner = stack.partition(LOOP)  # only the event loop: py-spy reports idle threads as busy
        seen[tuple(f"{loop}{inner}".split(";"))] += int(times) if loop else 0
    return seen


def colour_of(name: str) -> int:
    """Return the colour of a function, named as by py-spy: `function (package/module.py)`."""
    package, inside, _ = name.partition(" (")[2].partition("/")
    return COLOURS.get(package, 2 if inside and package not in sys.stdlib_module_names else 3)


def draw(title: str, seen: Stacks) -> str:
    """Return a flame graph as SVG, the outermost function on top."""
    boxes = list(_boxes(seen, 0, 0, seen.total()))
    drawn = [text(16, 28, title, "title"), text(16, 48, LEGEND, "small")]
    for name, depth, start, part in boxes:
        x, y, width = 16 + start * (WIDTH - 32), 60 + depth * ROW, part * (WIDTH - 32)
        drawn.append(f"<g><title>{escape(name)}: {part:.1%}</title>")
        place = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}"'
        drawn.append(f'<rect class="c{colour_of(name)}" fill-opacity="0.35" {place}/>')
        room = int(width / 7)
        drawn += [text(x + 3, y + 13, name.partition(" (")[0][:room], "small")] if room > 3 else []
        drawn.append("</g>")
    return panel(80 + ROW * (1 + max(depth for _, depth, _, _ in boxes)), drawn, WIDTH)


def _boxes(seen: Stacks, depth: int, start: float, whole: int) -> Iterator[tuple[str, int, float, float]]:
    """Yield name, depth, start and width of each function's box; start and width as fractions of the whole."""
    by_caller: dict[str, Stacks] = {}
    for stack, times in seen.items():
        if stack:
            by_caller.setdefault(stack[0], Counter())[stack[1:]] += times
    for name in sorted(by_caller):
        part = by_caller[name].total() / whole
        if part >= LEAST:
            yield name, depth, start, part
            yield from _boxes(by_caller[name], depth + 1, start, whole)
        start += part


if __name__ == "__main__":
    main()
