"""`python -m bench.instructions`: user-space instructions a request, counted by valgrind's callgrind.

The count does not depend on what else the machine does: it shows a change of half a percent, which a clock does not.
The server runs under callgrind, the client in this process: one request at a time on a keep-alive connection, and the
next one once the server is idle again. Start-up is not counted. Two runs of different length are; what one count adds
by itself is the same in both, so the difference is the cost of the requests that the longer run has more.
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
from bench.stage import Cores, Running
from bench.work import LIST, ONE, PUT, ROOT, TOKEN, Kind

KINDS = {kind.name: kind for kind in (ONE, LIST, TOKEN, PUT)}
WARM_UP, FEW = 200, 100
"""Requests before counting, and in the shorter of the two runs."""
SETTLE = 0.3
"""Seconds until the server is idle again after its last response."""
PATIENCE = 180


class Callgrind:
    """A Shipyard server under callgrind, with the code and the plugin of the bench found in `code`."""

    def __init__(self, folder: Path, code: Path, python: str) -> None:
        environment.install_plugin(folder / "plugin", code / "bench" / "plugin")
        self._port = free_port()
        self._dumps = folder / "callgrind.out"
        server = shipyard("memory", "memory:", f"{code}:{folder / 'plugin'}")
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self._dumps}"]
        command = [*valgrind, python, *server.command(self._port)[1:]]
        env = {**server.environment(self._port), "PYTHONHASHSEED": "0"}
        self._process = Process(command, env, {Cores.here().server}, folder / "server.log", code)
        self._number = 0
        self.close = self._process.stop
        self._process.wait(self._port, PATIENCE)
        self._running = Running(server, self._process, self._port, 0)

    def instructions(self, kind: Kind, requests: int) -> float:
        """Return the instructions that one request takes."""
        token = log_in(self._port)
        check(self._running, kind, token)
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            self._send(connection, kind.request(token), WARM_UP)
            self._control("instrumentation on")
            self._send(connection, kind.request(token), WARM_UP)  # translates the code that the next ones run
            self._count()
            few, many = (self._count(connection, kind.request(token), times) for times in (FEW, FEW + requests))
            self._control("instrumentation off")
        return (many - few) / requests

    def _count(self, connection: socket.socket | None = None, request: bytes = b"", times: int = 0) -> int:
        """Return the instructions since the last count, these requests included."""
        if connection:
            self._send(connection, request, times)
        time.sleep(SETTLE)
        self._control("dump")
        self._number += 1
        with Path(f"{self._dumps}.{self._number}").open() as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))

    def _send(self, connection: socket.socket, request: bytes, times: int) -> None:
        for _ in range(times):
            connection.sendall(request)
            response = HTTPResponse(connection)
            response.begin()
            response.read()
            if response.status != 200:
                raise RuntimeError(f"status {response.status} under load: {self._process.state()}")
            while not self._process.sleeping():  # an earlier request takes a different path through the event loop
                time.sleep(0)

    def _control(self, command: str) -> None:
        subprocess.run(["vgdb", f"--pid={self._process.pid}", *command.split()], check=True, capture_output=True)


def main() -> None:
    """Count, print a table, and compare with an earlier result."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=list(KINDS), choices=list(KINDS), help="kinds of work")
    parser.add_argument("--requests", type=int, default=500, help="for each kind of work")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the server")
    parser.add_argument("--code", type=Path, default=ROOT, help="a checkout of the project to measure instead of this")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with a saved result")
    options = parser.parse_args()
    if not shutil.which("valgrind") or not shutil.which("vgdb"):
        raise SystemExit("valgrind was not found: install it, on Debian with `apt-get install valgrind`.")
    before = json.loads(options.against.read_text())["instructions"] if options.against else {}
    with tempfile.TemporaryDirectory(prefix="shipyard-bench-") as folder:
        show("starting the server under callgrind")
        with closing(Callgrind(Path(folder), options.code.resolve(), options.python)) as server:
            counts = {name: counted(server, name, options.requests) for name in options.only}
    show("")
    print_table(counts, before)
    if options.save:
        result = {"python": options.python, "requests": options.requests, "instructions": counts}
        options.save.write_text(json.dumps(result, indent=1) + "\n")


def counted(server: Callgrind, name: str, requests: int) -> int:
    """Return the instructions a request of one kind of work."""
    show(f"counting {KINDS[name].title}")
    return round(server.instructions(KINDS[name], requests))


def print_table(counts: Mapping[str, int], before: Mapping[str, int]) -> None:
    """Print the instructions a request, with those of an earlier result and the ratio to them."""
    print(f"{'instructions a request':24}{'now':>10}" + (f"{'before':>10}{'ratio':>9}" if before else ""))
    for name, count in counts.items():
        compared = f"{before[name]:>10,}{count / before[name]:>9.4f}" if name in before else ""
        print(f"{KINDS[name].title:24}{count:>10,}{compared}")


if __name__ == "__main__":
    main()
