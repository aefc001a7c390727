"""The service as a subprocess that can be killed and started again on the same port."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from service.testing import SECRET

_TIMEOUT_SECONDS = 30.0
_PAUSE_SECONDS = 0.01
_SERVING = re.compile(r"serving http://127\.0\.0\.1:(\d+) ")
_CREDENTIALS = {"username": "user", "password": "password"}  # of the example data


class Service:
    """`python -m service` on the store that a URL names; prefix: arguments that precede the command."""

    def __init__(self, store: str, folder: Path, prefix: Sequence[str] = ()) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SHIPYARD_")}
        settings = {
            "SHIPYARD_HOST": "127.0.0.1",
            "SHIPYARD_PORT": "0",
            "SHIPYARD_JWT_SECRET": SECRET,
            "SHIPYARD_STORE": store,
            "SHIPYARD_ACCESS_LOG": "false",
        }
        self._environment = {**inherited, **settings}
        self._command = [*prefix, sys.executable, "-m", "service"]
        self._log = folder / f"{id(self)}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the service; the same after a restart."""
        return f"http://127.0.0.1:{self._environment['SHIPYARD_PORT']}"

    @property
    def process(self) -> int:
        """The process id, while the service runs."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> float:
        """Start the service, wait until it serves requests, and return the seconds that this took."""
        started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  # no other task of the loop needs to be quick
                self._command, env=self._environment, stderr=log, stdout=subprocess.DEVNULL
            )
        while (match := _SERVING.search(self._log.read_text())) is None:
            if self._process.poll() is not None or time.monotonic() > started + _TIMEOUT_SECONDS:
                raise RuntimeError(f"The service did not start: {self._log.read_text()[-2000:]}")
            await asyncio.sleep(_PAUSE_SECONDS)
        self._environment["SHIPYARD_PORT"] = match[1]
        return time.monotonic() - started

    def kill(self) -> None:
        """Send SIGKILL and wait for the process to end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


async def log_in(session: aiohttp.ClientSession, service: Service) -> dict[str, Any]:
    """Return the Authorization header of a user; retries until the service responds."""
    while True:
        try:
            async with session.post(f"{service.url}/auth/login", json=_CREDENTIALS) as response:
                return {"Authorization": f"Bearer {(await response.json())['access_token']}"}
        except aiohttp.ClientError:
            await asyncio.sleep(_PAUSE_SECONDS)
