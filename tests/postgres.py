"""A real PostgreSQL for the tests: the one that SHIPYARD_TEST_POSTGRES names, else one started here, later removed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.postgres_programs import Programs

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

    `start` after `kill` recovers, on the same port. Raises RuntimeError where PostgreSQL cannot be had.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._settings = _SETTINGS if durable else _SETTINGS | _QUICK
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


def execute(url: str, *statements: str) -> None:
    """Run SQL from where no event loop may be used."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running server's maintenance database."""
    if url := os.environ.get("SHIPYARD_TEST_POSTGRES"):
        yield url
        return
    server = Server()
    try:
        server.start()
        yield server.url
    finally:
        server.remove()


@pytest.fixture(scope="session")
def _postgres_database(postgres_server: str) -> Iterator[str]:
    name = f"shipyard_test_{uuid4().hex}"
    execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(_postgres_database: str) -> Iterator[str]:
    """The URL of an empty database."""
    yield _postgres_database
    # Far quicker than a new database. Whoever is still connected may hold locks.
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    execute(
        _postgres_database,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}",
        "DROP SCHEMA IF EXISTS shipyard CASCADE",
    )
