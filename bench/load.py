"""The load: load.c, built on the spot by the system's C compiler, or else by the one that PyPI has."""

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
    """What one load saw. Latencies in microseconds, from the request (or from when it was due) to its whole answer."""

    answers: int
    refused: int
    seconds: float
    p50: int
    p99: int
    p999: int
    max: int


class Generator:
    """Sends requests from a core of its own and never sleeps there."""

    def __init__(self, folder: Path, core: int) -> None:
        self._program = folder / "load"
        self._core = core
        self.compiler = "cc" if shutil.which("cc") else "zig cc"
        build = ["cc"] if self.compiler == "cc" else environment.compiler()
        subprocess.run([*build, "-O2", "-o", str(self._program), str(SOURCE)], check=True)

    def start(
        self, port: int, request: bytes, connections: int, seconds: float, rate: float = 0
    ) -> subprocess.Popen[bytes]:
        """Begin to send one request again and again; `rate` a second in all, or as fast as the answers come."""
        words = [str(word) for word in (self._program, port, connections, seconds, rate)]
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=partial(os.sched_setaffinity, 0, {self._core}),
        )
        assert process.stdin is not None
        process.stdin.write(request)
        process.stdin.close()
        return process

    def run(self, port: int, request: bytes, connections: int, seconds: float, rate: float = 0) -> Load:
        """Send for some seconds, and say what came of it."""
        return finish(self.start(port, request, connections, seconds, rate))


def finish(process: subprocess.Popen[bytes]) -> Load:
    """Wait for a load that was started."""
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    if process.wait() != 0:
        raise RuntimeError("the load generator gave up")
    return Load(**json.loads(said))
