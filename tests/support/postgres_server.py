"""A PostgreSQL server of our own."""

from __future__ import annotations

import signal
import socket
import subprocess
import time

from tests.support.postgres_programs import Programs

_PATIENCE = 30.0  # seconds
_PAUSE = 0.01
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# Without these it still keeps all it said through SIGKILL, though not through a power cut.
_QUICK = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
# Only the role `guarded` has to show a password.
_ACCESS = "host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"


class Server:
    """A PostgreSQL on loopback with data of its own; `durable`: what it says is kept outlives a power cut.

    settings: of its own, by name. `start` after `kill` recovers, on the same port.

    Raises RuntimeError where PostgreSQL cannot be had.
    """

    def __init__(self, *, durable: bool = False, **settings: str) -> None:
        self._settings = _SETTINGS | ({} if durable else _QUICK) | settings
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = Programs()
        self._data = self._programs.home / "data"
        self._log = self._programs.home / "log"
        options = ("--username=shipyard", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        try:
            self._programs.run("initdb", f"--pgdata={self._data}", *options)
        except BaseException:
            self._programs.remove()
            raise
        (self._data / "pg_hba.conf").write_text(_ACCESS)

    @property
    def url(self) -> str:
        """Its maintenance database, by a role that may do everything."""
        return f"postgresql://shipyard:secret@127.0.0.1:{self._port}/postgres"

    @property
    def process(self) -> int:
        """The id of its first process, while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Return when it accepts connections."""
        end = time.monotonic() + _PATIENCE
        port = 0
        while not self._ready():
            if self._process is None or self._process.poll() is not None:
                # It ends at once if the port was taken just now, or while a killed one's children hold its memory.
                port = self._port or _free_port()
                options = [f"--{name}={value}" for name, value in {"port": port, **self._settings}.items()]
                self._process = self._programs.start("postgres", "-D", str(self._data), *options, log=self._log)
            if time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not start: {self._log.read_text()[-2000:]}")
            time.sleep(_PAUSE)
        self._port = self._port or port

    def kill(self) -> None:
        """End it as a crash would: SIGKILL."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """End it, and remove all it kept."""
        self._end(signal.SIGINT)
        self._programs.remove()

    def _ready(self) -> bool:
        # The file that pg_ctl waits for too: its first line is the process, its eighth the state.
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        ours = self._process is not None and lines[0] == str(self._process.pid)
        return ours and len(lines) > 7 and lines[7].strip() == "ready"

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(_PATIENCE)
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
