"""The load generator: load.c, compiled by the system's C compiler, or else by the one from PyPI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import environment

SOURCE = Path(__file__).with_name("load.c")


@dataclass(frozen=True)
class Load:
    """The result of a run. errors: responses that are not 2xx.

    Latencies are in microseconds, from sending the request (or from when it was due) to the end of the response.
    """

    responses: int
    errors: int
    seconds: float
    p50: int
    p99: int
    p999: int
    max: int


class Generator:
    """Sends requests from a dedicated core, where it polls and never sleeps."""

    def __init__(self, folder: Path, core: int) -> None:
        self._program = folder / "load"
        self._core = core
        self.compiler = "cc" if shutil.which("cc") else "zig cc"
        build = ["cc"] if self.compiler == "cc" else environment.compiler()
        subprocess.run([*build, "-O2", "-o", str(self._program), str(SOURCE)], check=True)

    def start(
        self, port: int, request: bytes, connections: int, seconds: float, rate: float = 0
    ) -> subprocess.Popen[bytes]:
        """Start to send one request repeatedly, `rate` times a second in total; 0: as fast as possible."""
        command = [str(word) for word in (self._program, port, connections, seconds, rate)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=partial(os.sched_setaffinity, 0, {self._core}),
        )
        assert process.stdin is not None
        process.stdin.write(request)
        process.stdin.close()
        return process

    def run(self, port: int, request: bytes, connections: int, seconds: float, rate: float = 0) -> Load:
        """Send one request repeatedly for some seconds, and return the result."""
        return finish(self.start(port, request, connections, seconds, rate))


def finish(process: subprocess.Popen[bytes]) -> Load:
    """Wait for a started run, and return its result. Raises RuntimeError."""
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read()
    if process.wait() != 0:
        raise RuntimeError("the load generator failed")
    return Load(**json.loads(output))
