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
PORTS = iter(range(21_000, 32_000))
"""Below those that systems hand out, so that neither the load's own connections nor other programs come across."""
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A server that was started on a free port, with all its children. Its output goes to a file."""

    def __init__(
        self, command: list[str], env: Mapping[str, str], cores: Set[int], log: Path, folder: Path = ROOT
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
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
        raise RuntimeError(f"does not answer: {self.state()}")

    def state(self) -> str:
        """Whether it runs, and the end of what it wrote."""
        code = self._process.poll()
        running = "it runs" if code is None else f"it ended with {code}"
        return f"{running}, having said: {self.log.read_text(errors='replace')[-2000:].strip() or 'nothing'}"

    def sleeping(self) -> bool:
        """Return whether the server's main thread waits, which it does in the event loop when it is idle."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].startswith("S")

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
    """A port of 127.0.0.1 that nobody listens on, another one each time."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def log_in(port: int) -> str:
    """A new access token. Raises RuntimeError."""
    answer = ask(port, LOG_IN.request())
    if not LOG_IN.right(answer):
        raise RuntimeError(f"cannot log in: {answer}")
    return str(answer.value["access_token"])
