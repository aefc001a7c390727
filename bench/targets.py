"""Performance targets: the most Shipyard may cost, or the least it must serve, relative to another server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.testbed import Sample
from bench.workloads import LIST, MATCH, ONE, POST, PUT, TOKEN, Workload

MEMORY, SQLITE, POSTGRES = "Shipyard, memory", "Shipyard, SQLite", "Shipyard, PostgreSQL"
BEST = "the best peer"
BARE = "aiohttp, one bare handler"
EXAMPLE = "Flask + gunicorn"
DATABASE_PEER = "FastAPI + SQLAlchemy + asyncpg"

Rounds = Mapping[str, Mapping[str, Sequence[Sample]]]
"""The samples of each round, by workload and server."""


@dataclass(frozen=True)
class Target:
    """A limit on the ratio of `server` to `other` at a workload: the highest for CPU, the lowest for the rate."""

    server: str
    workload: Workload
    other: str
    limit: float
    rate: bool = False

    @property
    def text(self) -> str:
        """The description of the ratio."""
        figure = "requests/s" if self.rate else "CPU"
        return f"{self.server}: {self.workload.title}, {figure} over that of {self.other}"


TARGETS = (
    *(Target(MEMORY, workload, other, 1) for workload in (ONE, LIST) for other in (BEST, BARE)),
    Target(MEMORY, TOKEN, BEST, 0.33),
    Target(MEMORY, PUT, BEST, 0.5),
    *(Target(MEMORY, workload, EXAMPLE, 1 / 8) for workload in (ONE, LIST, TOKEN, PUT)),
    Target(SQLITE, PUT, MEMORY, 1.3),
    *(Target(SQLITE, workload, MEMORY, 0.9, rate=True) for workload in (ONE, LIST)),
    *(Target(SQLITE, workload, MEMORY, 0.7, rate=True) for workload in (PUT, MATCH, POST)),
    *(Target(POSTGRES, workload, DATABASE_PEER, 3, rate=True) for workload in (ONE, LIST)),
)


def evaluate(rounds: Rounds, roles: Mapping[str, str]) -> Iterator[tuple[str, float, float, bool]]:
    """Yield each target that was measured: its description, the limit, the measured ratio, whether it is met.

    The ratio is the median of the ratios of each round, because the speed of the machine changes between rounds.
    """
    for target in TARGETS:
        by_name = rounds.get(target.workload.name, {})
        other = _best(by_name, roles) if target.other == BEST else target.other
        if target.server not in by_name or other not in by_name:
            continue
        pairs = zip(by_name[target.server], by_name[other], strict=True)
        ratio = median(one.rate / two.rate if target.rate else one.cpu / two.cpu for one, two in pairs)
        text = target.text + (f" ({other})" if target.other == BEST else "")
        yield text, target.limit, ratio, ratio >= target.limit if target.rate else ratio <= target.limit


def _best(by_name: Mapping[str, Sequence[Sample]], roles: Mapping[str, str]) -> str:
    peers = [name for name in by_name if roles[name] == "peer" and name != DATABASE_PEER]
    return min(peers, key=lambda name: median(sample.cpu for sample in by_name[name]), default="")
