"""`python -m bench.instructions`: user-space instructions a request, counted by valgrind's callgrind.

The count does not depend on what else the machine does: it shows a change of half a percent, which a clock does not.
The server runs under callgrind, the client in this process: one request at a time on a keep-alive connection, and the
next one when the server is idle again. Start-up is not counted. Two runs of different length are; what a count adds
itself is the same in both, so the difference is the cost of the additional requests of the longer run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path

from bench import environment
from bench.measure import check, show
from bench.process import Process, free_port, log_in
from bench.servers import shipyard
from bench.testbed import Cores, Running
from bench.workloads import LIST, ONE, PUT, ROOT, TOKEN, Workload

WORKLOADS = {workload.name: workload for workload in (ONE, LIST, TOKEN, PUT)}
WARM_UP, SHORT_RUN = 200, 100
SETTLE = 0.3
"""Seconds until the server has finished its work after the last response."""
START_UP = 180
VALGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no")


class Callgrind:
    """A Shipyard server under callgrind. code: the checkout that contains the server and the benchmark plugin."""

    def __init__(self, folder: Path, code: Path, python: str) -> None:
        environment.install_plugin(folder / "plugin", code / "bench" / "plugin")
        self._port = free_port()
        self._profile = folder / "callgrind.out"
        self._profiles = 0
        server = shipyard("memory", "memory:", f"{code}:{folder / 'plugin'}")
        command = [*VALGRIND, f"--callgrind-out-file={self._profile}", python, *server.command(self._port)[1:]]
        env = {**server.environment(self._port), "PYTHONHASHSEED": "0"}
        self._process = Process(command, env, {Cores.available().server}, folder / "server.log", code)
        self.close = self._process.stop
        self._process.wait(self._port, START_UP)
        self._running = Running(server, self._process, self._port, 0)

    def instructions(self, workload: Workload, requests: int) -> int:
        """Return the instructions that one request takes, the mean of this many requests."""
        token = log_in(self._port)
        check(self._running, workload, token)
        request = workload.request(token)
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            self._send(connection, request, WARM_UP)
            self._control("instrumentation on")
            self._count(connection, request, WARM_UP)  # also translates the code that the next requests run
            short, long = (self._count(connection, request, times) for times in (SHORT_RUN, SHORT_RUN + requests))
            self._control("instrumentation off")
        return round((long - short) / requests)

    def _count(self, connection: socket.socket, request: bytes, times: int) -> int:
        self._send(connection, request, times)
        time.sleep(SETTLE)
        self._control("dump")
        self._profiles += 1
        with Path(f"{self._profile}.{self._profiles}").open() as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))

    def _send(self, connection: socket.socket, request: bytes, times: int) -> None:
        for _ in range(times):
            connection.sendall(request)
            response = HTTPResponse(connection)
            response.begin()
            response.read()
            if response.status != 200:
                raise RuntimeError(f"status {response.status}: {self._process.state()}")
            while not self._process.sleeping():  # an earlier request takes a different path through the event loop
                time.sleep(0)

    def _control(self, command: str) -> None:
        subprocess.run(["vgdb", f"--pid={self._process.pid}", *command.split()], check=True, capture_output=True)


def main() -> None:
    """Count the selected workloads, print a table, compare it with an earlier result."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--requests", type=int, default=500, help="the number of requests to count for each workload")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the server")
    parser.add_argument("--code", type=Path, default=ROOT, help="the checkout to measure, by default this one")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with a saved result")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        raise SystemExit("valgrind is not installed: install the package `valgrind` of your distribution.")
    before = json.loads(options.against.read_text())["instructions"] if options.against else {}
    counts = {}
    with tempfile.TemporaryDirectory(prefix="shipyard-bench-") as folder:
        show("starting the server under callgrind")
        with closing(Callgrind(Path(folder), options.code.resolve(), options.python)) as server:
            for name in options.only:
                show(f"counting {WORKLOADS[name].title}")
                counts[name] = server.instructions(WORKLOADS[name], options.requests)
    show("")
    print_table(counts, before)
    if options.save:
        result = {"python": options.python, "requests": options.requests, "instructions": counts}
        options.save.write_text(json.dumps(result, indent=1) + "\n")


def print_table(counts: Mapping[str, int], before: Mapping[str, int]) -> None:
    """Print the instructions a request, and if there is an earlier result the ratio to it."""
    print(f"{'instructions a request':24}{'now':>10}" + (f"{'before':>10}{'ratio':>9}" if before else ""))
    for name, count in counts.items():
        comparison = f"{before[name]:>10,}{count / before[name]:>9.4f}" if name in before else ""
        print(f"{WORKLOADS[name].title:24}{count:>10,}{comparison}")


if __name__ == "__main__":
    main()
