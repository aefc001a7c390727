"""`python -m bench`: measure, draw, and say where the figures are."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import machine, report
from bench.aims import Rounds, met
from bench.database import postgres
from bench.measure import Contest, show
from bench.servers import CACHED, FLOORS, PEERS, Server, database_peer, shipyard
from bench.stage import Stage, opened
from bench.work import KINDS, LOG_IN, MATCH, ROOT

SKETCH = ROOT / ".cache" / "bench"
"""Where the figures of a small run go: they are not for showing."""
SMALL = ("Flask + gunicorn", "FastAPI + uvicorn", "Falcon + uvicorn", "BlackSheep + granian")


def main() -> None:
    """Measure what the command line asks for."""
    options = read()
    with opened() as stage:
        servers = [server for server in chosen(options, stage) if wanted(server, options.only)]
        contest = Contest(stage)
        contest.start(servers)
        rounds = measure(contest, options)
        load = f"load.c, which polls; built by {stage.generator.compiler}"
    said = {"load": load, "rounds": options.rounds, "seconds": options.seconds, "failed": contest.failed}
    report.write(options.results, rounds, servers, machine.facts(), said)
    conclude(options.results, rounds, servers, contest.failed)


def read() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="few peers, few rounds, into .cache/bench: about a minute")
    parser.add_argument("--seconds", type=float, help="of each round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="servers whose name holds one of these")
    parser.add_argument("--kinds", nargs="+", choices=[kind.name for kind in KINDS])
    parser.add_argument("--stores", nargs="*", choices=["memory", "sqlite", "postgresql"])
    parser.add_argument("--results", type=Path, help="the folder to write to")
    options = parser.parse_args()
    options.results = options.results or (SKETCH if options.small else report.RESULTS)
    options.seconds = options.seconds or 0.6
    options.rounds = options.rounds or (2 if options.small else 15)
    if options.stores is None:
        options.stores = ["memory"] if options.small else ["memory", "sqlite", "postgresql"]
    options.kinds = options.kinds or [kind.name for kind in KINDS if not (options.small and kind in (LOG_IN, MATCH))]
    return options


def chosen(options: argparse.Namespace, stage: Stage) -> list[Server]:
    """Shipyard on the stores asked for, then the others."""
    servers = []
    if "memory" in options.stores:
        servers.append(shipyard("memory", "memory:", stage.plugin))
    if "sqlite" in options.stores:
        servers.append(shipyard("SQLite", f"sqlite:///{stage.folder}/bench.db", stage.plugin))
    if "postgresql" in options.stores:
        url = stage.stack.enter_context(postgres(stage.folder, stage.cores.database))
        servers += [shipyard("PostgreSQL", url, stage.plugin), database_peer(url)]
    peers = [peer for peer in PEERS if peer.name in SMALL] if options.small else [*PEERS, *CACHED]
    return [*servers, *peers, *FLOORS]


def wanted(server: Server, names: Sequence[str]) -> bool:
    """Whether a server is among those asked for."""
    return not names or any(name.lower() in server.name.lower() for name in names)


def measure(contest: Contest, options: argparse.Namespace) -> Rounds:
    """All kinds of work asked for."""
    kinds = [kind for kind in KINDS if kind.name in options.kinds]
    return {kind.name: contest.measure(kind, options.rounds, options.seconds) for kind in kinds}


def conclude(folder: Path, rounds: Rounds, servers: Sequence[Server], failed: Mapping[str, str]) -> None:
    """Print the aims and where the rest is; exit 1 if Shipyard itself failed."""
    show("")
    print(*report.overview(report.medians(rounds)), sep="\n")
    for text, aim, ratio, good in met(rounds, {server.name: server.role for server in servers}):
        print(f"{'met   ' if good else 'missed'} {ratio:6.2f} (aim {aim:g})  {text}")
    for name, reason in failed.items():
        print(f"left out: {name}: {reason}")
    print(f"The figures are in {folder}/README.md")
    if any(name.startswith("Shipyard") for name in failed):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
