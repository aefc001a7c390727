"""The service as a program, `python -m service` in a process of its own; and starts that come to nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from types import TracebackType

import pytest

from service.app import create_app
from service.errors import StartupError
from service.http.server import Runner
from service.settings.schema import Settings
from service.testing import SECRET

_OWN = {"SHIPYARD_HOST": "127.0.0.1", "SHIPYARD_PORT": "0", "SHIPYARD_JWT_SECRET": SECRET}
PATIENCE = 20.0
"""Seconds after which a program that has not ended is taken to hang."""


class Program:
    """`python -m service` with these arguments, and with these variables in place of all SHIPYARD_ ones around it.

    It serves on a free port of 127.0.0.1 unless the variables say otherwise. Leaving the context kills what still runs.
    """

    def __init__(self, *arguments: str, **variables: str) -> None:
        around = {name: value for name, value in os.environ.items() if not name.startswith("SHIPYARD_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service", *arguments],
            env={**around, **_OWN, **variables},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.said = ""

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def port(self) -> int:
        """Where it serves, as soon as it says so."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said += line
            if (match := re.search(r"serving http://127\.0\.0\.1:(\d+) ", line)) is not None:
                return int(match[1])
        pytest.fail(f"it does not serve: {self.said}")

    def stop(self, by: signal.Signals) -> int:
        """Send it a signal; its exit status."""
        self._process.send_signal(by)
        return self.end()

    def end(self) -> int:
        """Its exit status, once it has ended by itself."""
        self.said += self._process.communicate(timeout=PATIENCE)[1]
        return self._process.returncode


async def why_not(settings: Settings) -> str:
    """What the start of a service with these settings is stopped with."""
    with pytest.raises(StartupError) as caught:
        await _start(settings)
    return str(caught.value)


async def _start(settings: Settings) -> None:
    runner = Runner(create_app(settings))
    try:
        await runner.setup()
    finally:
        await runner.cleanup()
