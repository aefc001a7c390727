"""Start and stop a PostgreSQL server for the tests."""

from __future__ import annotations

import signal
import socket
import subprocess
import time

from tests.support.postgres_programs import Programs

_TIMEOUT_SECONDS = 30.0
_PAUSE_SECONDS = 0.01
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# Committed data still survives SIGKILL, but not a power failure.
_FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
# Only the role `guarded` needs a password.
_ACCESS = "host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"


class Server:
    """A PostgreSQL server on the loopback interface, which keeps its data and its port when killed and started again.

    durable: whether committed data survives a power failure.
    settings: parameters of the server.
    Raises RuntimeError if PostgreSQL is not available.
    """

    def __init__(self, *, durable: bool = False, **settings: str) -> None:
        self._settings = _SETTINGS | ({} if durable else _FAST) | settings
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
        """The URL of the maintenance database, with a superuser."""
        return f"postgresql://shipyard:secret@127.0.0.1:{self._port}/postgres"

    @property
    def process(self) -> int:
        """The process id of the postmaster, while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        end = time.monotonic() + _TIMEOUT_SECONDS
        port = 0
        while not self._ready():
            if self._process is None or self._process.poll() is not None:
                # It exits if the port was taken meanwhile, or while children of a killed server use its shared memory.
                port = self._port or _free_port()
                options = [f"--{name}={value}" for name, value in {"port": port, **self._settings}.items()]
                self._process = self._programs.start("postgres", "-D", str(self._data), *options, log=self._log)
            if time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {self._log.read_text()[-2000:]}")
            time.sleep(_PAUSE_SECONDS)
        self._port = self._port or port

    def kill(self) -> None:
        """Send SIGKILL to the postmaster and wait for it to end."""
        self._stop(signal.SIGKILL)

    def remove(self) -> None:
        """Stop the server and remove its data."""
        self._stop(signal.SIGINT)
        self._programs.remove()

    def _ready(self) -> bool:
        # As pg_ctl does: the first line of this file is the process id, the eighth the state.
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        is_this_server = self._process is not None and lines[0] == str(self._process.pid)
        return is_this_server and len(lines) > 7 and lines[7].strip() == "ready"

    def _stop(self, signal_number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal_number)
            self._process.wait(_TIMEOUT_SECONDS)
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
