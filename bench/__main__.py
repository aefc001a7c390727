"""`python -m bench`: measure all servers, write tables and charts, and compare the results with the targets."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import machine, report
from bench.database import postgres
from bench.measure import Comparison, show
from bench.servers import BASELINES, CACHED, PEERS, Server, database_peer, shipyard
from bench.targets import Rounds, evaluate
from bench.testbed import TestBed, open_test_bed
from bench.workloads import LOG_IN, MATCH, ROOT, WORKLOADS

CACHE = ROOT / ".cache" / "bench"
"""Where a small run writes: its figures are too rough to publish."""
SMALL = ("Flask + gunicorn", "FastAPI + uvicorn", "Falcon + uvicorn", "BlackSheep + granian")


def main() -> None:
    """Measure what the command line selects."""
    options = parse_arguments()
    with open_test_bed() as bed:
        servers = [server for server in available(options, bed) if selected(server, options.only)]
        comparison = Comparison(bed)
        comparison.start(servers)
        rounds = measure(comparison, options)
        load = f"load.c, which polls; built by {bed.generator.compiler}"
    setup = {"load": load, "rounds": options.rounds, "seconds": options.seconds, "failed": comparison.failed}
    report.write(options.results, rounds, servers, machine.facts(), setup)
    conclude(options.results, rounds, servers, comparison.failed)


def parse_arguments() -> argparse.Namespace:
    """Return the options of the command line, with their defaults filled in."""
    names = [workload.name for workload in WORKLOADS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="few peers and rounds, into .cache/bench: about a minute")
    parser.add_argument("--seconds", type=float, default=0.6, help="length of a round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="servers with one of these in the name")
    parser.add_argument("--workloads", nargs="+", choices=names)
    parser.add_argument("--stores", nargs="*", choices=["memory", "sqlite", "postgresql"])
    parser.add_argument("--results", type=Path, help="the folder to write to")
    options = parser.parse_args()
    options.results = options.results or (CACHE if options.small else report.RESULTS)
    options.rounds = options.rounds or (2 if options.small else 15)
    if options.stores is None:
        options.stores = ["memory"] if options.small else ["memory", "sqlite", "postgresql"]
    skipped = {LOG_IN.name, MATCH.name} if options.small else set()
    options.workloads = options.workloads or [name for name in names if name not in skipped]
    return options


def available(options: argparse.Namespace, bed: TestBed) -> list[Server]:
    """Return Shipyard on the selected stores, then the other servers."""
    servers = []
    if "memory" in options.stores:
        servers.append(shipyard("memory", "memory:", bed.plugin))
    if "sqlite" in options.stores:
        servers.append(shipyard("SQLite", f"sqlite:///{bed.folder}/bench.db", bed.plugin))
    if "postgresql" in options.stores:
        url = bed.stack.enter_context(postgres(bed.folder, bed.cores.database))
        servers += [shipyard("PostgreSQL", url, bed.plugin), database_peer(url)]
    peers = [peer for peer in PEERS if peer.name in SMALL] if options.small else [*PEERS, *CACHED]
    return [*servers, *peers, *BASELINES]


def selected(server: Server, names: Sequence[str]) -> bool:
    """Return whether the name of a server contains one of these, case-insensitive; without names, True."""
    return not names or any(name.lower() in server.name.lower() for name in names)


def measure(comparison: Comparison, options: argparse.Namespace) -> Rounds:
    """Measure the selected workloads, in the order of WORKLOADS."""
    workloads = [workload for workload in WORKLOADS if workload.name in options.workloads]
    return {workload.name: comparison.measure(workload, options.rounds, options.seconds) for workload in workloads}


def conclude(folder: Path, rounds: Rounds, servers: Sequence[Server], failed: Mapping[str, str]) -> None:
    """Print the overview and the targets; exit with 1 if Shipyard itself failed."""
    show("")
    print(*report.overview(report.medians(rounds)), sep="\n")
    for text, limit, ratio, met in evaluate(rounds, {server.name: server.role for server in servers}):
        print(f"{'met   ' if met else 'missed'} {ratio:6.2f} (target {limit:g})  {text}")
    for name, reason in failed.items():
        print(f"left out: {name}: {reason}")
    print(f"The results are in {folder}/README.md")
    if any(name.startswith("Shipyard") for name in failed):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
