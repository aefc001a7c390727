"""The aims: how much Shipyard may cost against others of the same run, or how much it must answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.stage import Sample
from bench.work import LIST, MATCH, ONE, POST, PUT, TOKEN, Kind

MEMORY, SQLITE, POSTGRES = "Shipyard, memory", "Shipyard, SQLite", "Shipyard, PostgreSQL"
BEST = "the best peer"
BARE = "aiohttp, one bare handler"
EXAMPLE = "Flask + gunicorn"
DATABASE_PEER = "FastAPI + SQLAlchemy + asyncpg"

Rounds = Mapping[str, Mapping[str, Sequence[Sample]]]
"""The samples of each round, by kind of work and server."""


@dataclass(frozen=True)
class Aim:
    """`who` against `whom` at some work: the cost at most `wanted` times theirs, or the rate at least."""

    who: str
    kind: Kind
    whom: str
    wanted: float
    rate: bool = False

    @property
    def text(self) -> str:
        """In words."""
        figure = "requests/s" if self.rate else "CPU"
        return f"{self.who}: {self.kind.title}, {figure} over that of {self.whom}"


AIMS = (
    *(Aim(MEMORY, kind, whom, 1) for kind in (ONE, LIST) for whom in (BEST, BARE)),
    Aim(MEMORY, TOKEN, BEST, 0.33),
    Aim(MEMORY, PUT, BEST, 0.5),
    *(Aim(MEMORY, kind, EXAMPLE, 1 / 8) for kind in (ONE, LIST, TOKEN, PUT)),
    Aim(SQLITE, PUT, MEMORY, 1.3),
    *(Aim(SQLITE, kind, MEMORY, 0.9, rate=True) for kind in (ONE, LIST)),
    *(Aim(SQLITE, kind, MEMORY, 0.7, rate=True) for kind in (PUT, MATCH, POST)),
    *(Aim(POSTGRES, kind, DATABASE_PEER, 3, rate=True) for kind in (ONE, LIST)),
)


def met(rounds: Rounds, roles: Mapping[str, str]) -> Iterator[tuple[str, float, float, bool]]:
    """Each aim that was measured: its text, what was wanted, what came out, whether that is enough.

    What comes out is the median of the ratios of each round, since the machine's speed changes from round to round.
    """
    for aim in AIMS:
        by_name = rounds.get(aim.kind.name, {})
        whom = _best(by_name, roles) if aim.whom == BEST else aim.whom
        if aim.who not in by_name or whom not in by_name:
            continue
        pairs = zip(by_name[aim.who], by_name[whom], strict=True)
        ratio = median(who.rate / other.rate if aim.rate else who.cpu / other.cpu for who, other in pairs)
        text = aim.text + (f" ({whom})" if aim.whom == BEST else "")
        yield text, aim.wanted, ratio, ratio >= aim.wanted if aim.rate else ratio <= aim.wanted


def _best(by_name: Mapping[str, Sequence[Sample]], roles: Mapping[str, str]) -> str:
    peers = [name for name in by_name if roles[name] == "peer" and name != DATABASE_PEER]
    return min(peers, key=lambda name: median(sample.cpu for sample in by_name[name]), default="")
