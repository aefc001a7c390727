"""The clients from npm, and a Shipyard of its own for each of them."""

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
ORIGIN = "https://admin.example.org"
SECONDS = 300  # a first installation downloads some 20 MB
SETTINGS = {
    "SHIPYARD_HOST": "127.0.0.1",
    "SHIPYARD_PORT": "0",  # any that is free
    "SHIPYARD_STORE": "memory:",
    "SHIPYARD_ACCESS_LOG": "false",
    "SHIPYARD_CORS_ORIGINS": f"http://localhost:5173,{ORIGIN}",
}


def installed(program: str) -> str:
    """Where a program is."""
    path = shutil.which(program)
    if path is None:
        pytest.exit(f"{program} is missing: install Node.js 20 or newer, with npm", returncode=1)
    return path


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs the clients, which are installed when this returns."""
    lock, done = CLIENTS / "package-lock.json", CLIENTS / "node_modules/.package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([installed("npm"), "ci"], cwd=CLIENTS, timeout=SECONDS, check=True)
    return installed("node")


@pytest.fixture
def yard() -> Iterator[str]:
    """The URL of a Shipyard that runs as `make run` starts it; it has to end cleanly, with no error in its log."""
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
    """The URL that the log names as soon as it does."""
    lines = []
    for line in log:
        lines.append(line)
        if match := re.search(r"serving (\S+)", line):
            return match[1]
    pytest.fail("Shipyard does not start:\n" + "".join(lines))
