"""The service as a program of its own, that may be killed and started again on the same port."""

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

_PATIENCE = 30.0  # seconds
_PAUSE = 0.01
_SERVING = re.compile(r"serving http://127\.0\.0\.1:(\d+) ")
_CREDENTIALS = {"username": "user", "password": "password"}  # the example's


class Service:
    """`python -m service` on the store of a URL; `before`: words of the command line that come first."""

    def __init__(self, store: str, folder: Path, before: Sequence[str] = ()) -> None:
        around = {name: value for name, value in os.environ.items() if not name.startswith("SHIPYARD_")}
        own = {
            "SHIPYARD_HOST": "127.0.0.1",
            "SHIPYARD_PORT": "0",
            "SHIPYARD_JWT_SECRET": SECRET,
            "SHIPYARD_STORE": store,
            "SHIPYARD_ACCESS_LOG": "false",
        }
        self._environment = {**around, **own}
        self._command = [*before, sys.executable, "-m", "service"]
        self._log = folder / f"{id(self)}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it serves, or served before it was killed."""
        return f"http://127.0.0.1:{self._environment['SHIPYARD_PORT']}"

    @property
    def process(self) -> int:
        """The id of its process, while it runs."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> float:
        """Return when it serves; how long that took."""
        started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  # there is nobody to hold up
                self._command, env=self._environment, stderr=log, stdout=subprocess.DEVNULL
            )
        while (match := _SERVING.search(self._log.read_text())) is None:
            if self._process.poll() is not None or time.monotonic() > started + _PATIENCE:
                raise RuntimeError(f"the service does not serve: {self._log.read_text()[-2000:]}")
            await asyncio.sleep(_PAUSE)
        self._environment["SHIPYARD_PORT"] = match[1]
        return time.monotonic() - started

    def kill(self) -> None:
        """End it as a crash would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


async def log_in(session: aiohttp.ClientSession, service: Service) -> dict[str, Any]:
    """The headers of a user, as soon as the service says them."""
    while True:
        try:
            async with session.post(f"{service.url}/auth/login", json=_CREDENTIALS) as answer:
                return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
        except aiohttp.ClientError:
            await asyncio.sleep(_PAUSE)
