"""Servers beside each other on the same work: checked, then measured in rounds that go from one to the next."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.process import log_in
from bench.servers import Server
from bench.stage import Running, Sample, Stage
from bench.work import REFUSED, Kind, ask

WARM_UP = 0.3


class WrongAnswerError(RuntimeError):
    """A server answered something else than the right answer."""


@dataclass
class Contest:
    """Servers that run at the same time, one of them under load at each moment. `failed` says who, at what, and why."""

    stage: Stage
    running: list[Running] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def start(self, servers: Iterable[Server]) -> None:
        """Start them all; one that does not come up is left out."""
        for server in servers:
            show(f"starting {server.name}")
            try:
                self.running.append(self.stage.start(server))
            except RuntimeError as error:
                self.failed[server.name] = str(error)

    def measure(self, kind: Kind, rounds: int, seconds: float) -> dict[str, list[Sample]]:
        """Every server that can do it, in rounds; the samples by name."""
        samples: dict[str, list[Sample]] = {}
        ready = {running: self._ready(running, kind) for running in self.running if kind in running.server.work}
        for number in range(1, rounds + 1):
            for running, request in ready.items():
                if request is None:
                    continue
                name = running.server.name
                sample = self.stage.sample(running, request, kind.connections, seconds)
                samples.setdefault(name, []).append(sample)
                show(f"{kind.title}, round {number} of {rounds}: {sample.cpu:9.1f} us  {name}")
                if sample.refused:
                    self.failed[f"{name}: {kind.title}"] = f"{sample.refused:.0f} answers were no success"
        return samples

    def _ready(self, running: Running, kind: Kind) -> bytes | None:
        """The request to measure, once the server has answered it rightly and is warm."""
        try:
            token = log_in(running.port)
            check(running, kind, token)
            self.stage.generator.run(running.port, kind.request(token), kind.connections, WARM_UP)
        except (RuntimeError, OSError, ValueError) as error:
            self.failed[f"{running.server.name}: {kind.title}"] = f"{error}; {running.process.state()}"
            return None
        return kind.request(token)


def check(running: Running, kind: Kind, token: str) -> None:
    """Raise WrongAnswerError unless this answer is right, and what must be refused is refused."""
    answer = ask(running.port, kind.request(token))
    if not kind.right(answer):
        raise WrongAnswerError(f"{running.server.name} answers {kind.title} with {answer}")
    for wish, statuses in () if running.server.role == "floor" else REFUSED:
        answer = ask(running.port, wish.request(token))
        if answer.status not in statuses:
            raise WrongAnswerError(f"{running.server.name} does not refuse {wish.title}: {answer}")


def show(text: str) -> None:
    """Say what is going on: in place on a terminal, in lines elsewhere."""
    terminal = sys.stderr.isatty()
    print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)
