"""A server process with its children: start it on given cores, read its CPU time and memory, stop it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Set
from functools import partial
from pathlib import Path

from bench.workloads import LOG_IN, ONE, ROOT, send

TICK = os.sysconf("SC_CLK_TCK")
PORTS = iter(range(21_000, 32_000))
"""Below the range of ephemeral ports, so that no client connection occupies one of them."""
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A started server with all its children. Its output is written to the file `log`."""

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
        """Return when the server responds; raise RuntimeError with its output if it does not in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if ONE.accepts(send(port, ONE.request())):
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        raise RuntimeError(f"does not respond: {self.state()}")

    def state(self) -> str:
        """Return whether the server runs, and the end of its output."""
        code = self._process.poll()
        running = "running" if code is None else f"exited with status {code}"
        return f"{running}, output: {self.log.read_text(errors='replace')[-2000:].strip() or 'none'}"

    def sleeping(self) -> bool:
        """Return whether the main thread is blocked, as an idle event loop is."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].startswith("S")

    def cpu(self) -> float:
        """Return the CPU time of the whole process tree so far, user and system, in seconds."""
        return sum(int(stat[at]) for stat in self._stats() for at in (11, 12, 13, 14)) / TICK

    def memory(self) -> int:
        """Return the resident memory of the whole process tree, in bytes."""
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
        """Stop the whole process tree."""
        for number in signal.SIGTERM, signal.SIGKILL:
            try:
                os.killpg(self.pid, number)
                self._process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def free_port() -> int:
    """Return a port of 127.0.0.1 that is not in use, a different one on each call."""
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
    """Return a new access token. Raises RuntimeError."""
    response = send(port, LOG_IN.request())
    if not LOG_IN.accepts(response):
        raise RuntimeError(f"cannot log in: {response}")
    return str(response.value["access_token"])
