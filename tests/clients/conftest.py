"""The clients from npm, and a running service for each of them."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from service.settings.schema import ROOT

CLIENTS = Path(__file__).parent
EXAMPLE = ROOT / "examples/admin"
ORIGIN = "https://admin.example.org"
SECONDS = 300  # the first installation downloads some 100 MB
SETTINGS = {
    "SHIPYARD_HOST": "127.0.0.1",
    "SHIPYARD_PORT": "0",  # any that is free
    "SHIPYARD_STORE": "memory:",
    "SHIPYARD_ACCESS_LOG": "false",
    "SHIPYARD_CORS_ORIGINS": f"http://localhost:5173,{ORIGIN}",
}


def installed(program: str) -> str:
    """Return the path of a program."""
    path = shutil.which(program)
    if path is None:
        pytest.exit(f"{program} is missing: install Node.js 20 or newer, with npm", returncode=1)
    return path


def install_packages(folder: Path) -> None:
    """Install what the lock file of a folder lists, unless it is installed."""
    lock, done = folder / "package-lock.json", folder / "node_modules/.package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([installed("npm"), "ci"], cwd=folder, timeout=SECONDS, check=True)


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs the clients; their packages are installed."""
    install_packages(CLIENTS)
    return installed("node")


@pytest.fixture
def service_url() -> Iterator[str]:
    """The URL of a service started as by `make run`; it must stop without an error in its log."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SHIPYARD_")}
    environ |= SETTINGS | {"SHIPYARD_JWT_SECRET": secrets.token_urlsafe(48)}
    command = [sys.executable, "-m", "service"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield listening(process.stderr)
        finally:
            process.terminate()
            _, log = process.communicate(timeout=SECONDS)
    assert (process.returncode, re.findall(r".* ERROR .*", log)) == (0, []), log


def listening(log: IO[str]) -> str:
    """Wait until the service listens; return its URL."""
    lines = []
    for line in log:
        lines.append(line)
        if match := re.search(r"serving (\S+)", line):
            return match[1]
    pytest.fail("Shipyard does not start:\n" + "".join(lines))
