"""The test bed of a measurement: a temporary folder, a core for the server, a core for the load."""

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
    """Which process runs on which core. With two cores a database shares the server's, since the load never sleeps."""

    server: int
    load: int
    database: frozenset[int]

    @classmethod
    def available(cls) -> Cores:
        """Return the assignment for the cores that this process may use."""
        server, *others = sorted(os.sched_getaffinity(0))
        if not others:
            raise SystemExit("The benchmarks require two cores: one for the server, one for the load.")
        return cls(server, others[0], frozenset(others[1:] or [server]))


@dataclass(frozen=True)
class Sample:
    """CPU in microseconds a request, requests a second, latencies in milliseconds, responses with an error status."""

    cpu: float
    rate: float
    p50: float
    p99: float
    errors: float


@dataclass(frozen=True, eq=False)
class Running:
    """A server that responds. start_up: seconds from its start to its first expected response."""

    server: Server
    process: Process
    port: int
    start_up: float


@dataclass(frozen=True)
class TestBed:
    """See `open_test_bed`. plugin: the folder that Shipyard's benchmark plugin is installed in."""

    folder: Path
    plugin: str
    cores: Cores
    generator: Generator
    stack: ExitStack

    def start(self, server: Server, cores: Set[int] = frozenset(), patience: float = 60) -> Running:
        """Start a server on its core, or on these cores; it is stopped with the test bed. Raises RuntimeError."""
        port = free_port()
        began = time.monotonic()
        log = self.folder / f"{port}.log"
        process = Process(server.command(port), server.environment(port), cores or {self.cores.server}, log)
        self.stack.callback(process.stop)
        process.wait(port, patience)
        return Running(server, process, port, time.monotonic() - began)

    def sample(self, running: Running, request: bytes, connections: int, seconds: float) -> Sample:
        """Put load on a server and return what it cost."""
        before = running.process.cpu()
        load = self.generator.run(running.port, request, connections, seconds)
        cpu = running.process.cpu() - before
        rate = load.responses / load.seconds
        return Sample(cpu / load.responses * 1e6, rate, load.p50 / 1e3, load.p99 / 1e3, load.errors)


@contextmanager
def open_test_bed() -> Iterator[TestBed]:
    """Build and install what is needed; stop everything that was started when the context ends."""
    cores = Cores.available()
    environment.prepare()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipyard-bench-")))
        environment.install_plugin(folder / "plugin")
        yield TestBed(folder, str(folder / "plugin"), cores, Generator(folder, cores.load), stack)
