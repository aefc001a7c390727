"""Where a measurement takes place: a folder for its time, a core for the server, one for the load, who runs there."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import environment
from bench.load import Generator
from bench.process import Process, free_port
from bench.servers import Server


@dataclass(frozen=True)
class Cores:
    """Who runs where. With two cores a database shares the server's, since the load never sleeps on its own."""

    server: int
    load: int
    database: frozenset[int]

    @classmethod
    def here(cls) -> Cores:
        """As this machine has them."""
        server, *others = sorted(os.sched_getaffinity(0))
        if not others:
            raise SystemExit("The bench needs two cores: one for the server, one for the load.")
        return cls(server, others[0], frozenset(others[1:] or [server]))


@dataclass(frozen=True)
class Sample:
    """CPU in microseconds a request, requests a second, latencies in milliseconds, answers that were no success."""

    cpu: float
    rate: float
    p50: float
    p99: float
    refused: float


@dataclass(frozen=True, eq=False)
class Running:
    """A server that answers. start_up: seconds from its start to its first right answer."""

    server: Server
    process: Process
    port: int
    start_up: float


@dataclass(frozen=True)
class Stage:
    """Opens with `opened`. plugin: the folder that the bench's plugin for Shipyard is installed in."""

    folder: Path
    plugin: str
    cores: Cores
    generator: Generator
    stack: ExitStack

    def start(self, server: Server, cores: Set[int] = frozenset(), patience: float = 60) -> Running:
        """Start a server until the stage closes, on its core unless others are given. Raises RuntimeError."""
        port = free_port()
        began = time.monotonic()
        log = self.folder / f"{port}.log"
        process = Process(server.command(port), server.environment(port), cores or {self.cores.server}, log)
        self.stack.callback(process.stop)
        process.wait(port, patience)
        return Running(server, process, port, time.monotonic() - began)

    def sample(self, running: Running, request: bytes, connections: int, seconds: float) -> Sample:
        """One load on a server, and what it cost."""
        before = running.process.cpu()
        load = self.generator.run(running.port, request, connections, seconds)
        spent = running.process.cpu() - before
        rate = load.answers / load.seconds
        return Sample(spent / load.answers * 1e6, rate, load.p50 / 1e3, load.p99 / 1e3, load.refused)


@contextmanager
def opened() -> Iterator[Stage]:
    """A stage with everything built and installed; closing it ends all that ran there."""
    cores = Cores.here()
    environment.prepare()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipyard-bench-")))
        environment.install_plugin(folder / "plugin")
        yield Stage(folder, str(folder / "plugin"), cores, Generator(folder, cores.load), stack)
