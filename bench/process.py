"""A server while it is measured: a process tree on one core, and what it costs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Set
from functools import partial
from pathlib import Path

from bench.work import LOG_IN, ONE, ROOT, ask

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A server that was started on a free port, with all its children. Its output goes to a file."""

    def __init__(self, command: list[str], env: Mapping[str, str], cores: Set[int], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(os.sched_setaffinity, 0, cores),
            )
        self.pid = self._process.pid

    def wait(self, port: int, seconds: float) -> None:
        """Return once it answers; say what it wrote if it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if ONE.right(ask(port, ONE.request())):
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        raise RuntimeError(f"does not answer: {self.log.read_text(errors='replace')[-2000:]}")

    def cpu(self) -> float:
        """Seconds of CPU, user and system, of the whole tree so far."""
        return sum(int(stat[at]) for stat in self._stats() for at in (11, 12, 13, 14)) / TICK

    def memory(self) -> int:
        """Bytes of memory in use by the whole tree."""
        return sum(int(stat[21]) for stat in self._stats()) * PAGE

    def _stats(self) -> Iterator[list[str]]:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                stat = path.read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if int(stat[3]) == self.pid:
                yield stat

    def stop(self) -> None:
        """End the whole tree."""
        for number in signal.SIGTERM, signal.SIGKILL:
            try:
                os.killpg(self.pid, number)
                self._process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def log_in(port: int) -> str:
    """A new access token. Raises RuntimeError."""
    answer = ask(port, LOG_IN.request())
    if not LOG_IN.right(answer):
        raise RuntimeError(f"cannot log in: {answer}")
    return str(answer.value["access_token"])
