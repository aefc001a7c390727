"""Check servers and measure them side by side, in rounds that alternate between them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.process import log_in
from bench.servers import Server
from bench.testbed import Running, Sample, TestBed
from bench.workloads import INVALID, Workload, send

WARM_UP = 0.3


class UnexpectedResponseError(RuntimeError):
    """A server did not send the expected response."""


@dataclass
class Comparison:
    """Servers that run at the same time, with load on one of them at a time.

    failed: the reasons why servers, or servers at one workload, were left out.
    """

    bed: TestBed
    running: list[Running] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def start(self, servers: Iterable[Server]) -> None:
        """Start all servers; one that fails to start is left out."""
        for server in servers:
            show(f"starting {server.name}")
            try:
                self.running.append(self.bed.start(server))
            except RuntimeError as error:
                self.failed[server.name] = str(error)

    def measure(self, workload: Workload, rounds: int, seconds: float) -> dict[str, list[Sample]]:
        """Return the samples of every server that supports the workload, by name."""
        samples: dict[str, list[Sample]] = {}
        supporting = [running for running in self.running if workload in running.server.workloads]
        ready = {running: self._ready(running, workload) for running in supporting}
        for number in range(1, rounds + 1):
            for running, request in ready.items():
                if request is None:
                    continue
                name = running.server.name
                sample = self.bed.sample(running, request, workload.connections, seconds)
                samples.setdefault(name, []).append(sample)
                show(f"{workload.title}, round {number} of {rounds}: {sample.cpu:9.1f} us  {name}")
                if sample.errors:
                    self.failed[f"{name}: {workload.title}"] = f"{sample.errors:.0f} responses were errors"
        return samples

    def _ready(self, running: Running, workload: Workload) -> bytes | None:
        """Return the request to measure, after the server has passed the check and is warm; None if it failed."""
        try:
            token = log_in(running.port)
            check(running, workload, token)
            self.bed.generator.run(running.port, workload.request(token), workload.connections, WARM_UP)
        except (RuntimeError, OSError, ValueError) as error:
            self.failed[f"{running.server.name}: {workload.title}"] = f"{error}; {running.process.state()}"
            return None
        return workload.request(token)


def check(running: Running, workload: Workload, token: str) -> None:
    """Raise UnexpectedResponseError unless the workload has the expected response and invalid requests are rejected."""
    response = send(running.port, workload.request(token))
    if not workload.accepts(response):
        raise UnexpectedResponseError(f"{running.server.name}, {workload.title}: unexpected response {response}")
    for invalid, statuses in () if running.server.role == "baseline" else INVALID:
        response = send(running.port, invalid.request(token))
        if response.status not in statuses:
            raise UnexpectedResponseError(f"{running.server.name} does not reject {invalid.title}: {response}")


def show(text: str) -> None:
    """Print progress to stderr: on a terminal in place of the last line, otherwise as a new line."""
    terminal = sys.stderr.isatty()
    print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)
