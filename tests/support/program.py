"""The service as a program, `python -m service` in a subprocess; and the error of a service that cannot start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType

import pytest

from service.app import create_app
from service.errors import StartupError
from service.http.server import Runner
from service.settings.schema import Settings
from service.testing import SECRET

_DEFAULTS = {"SHIPYARD_HOST": "127.0.0.1", "SHIPYARD_PORT": "0", "SHIPYARD_JWT_SECRET": SECRET}
_LISTENING = re.compile(r"(?:serving|Listening at:) http://127\.0\.0\.1:(\d+) ")
TIMEOUT = 20.0
"""Seconds that a program may take to end."""


def clean_environment(**variables: str) -> dict[str, str]:
    """Return the environment without SHIPYARD_ variables, with these in addition."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SHIPYARD_")} | variables


class Program:
    """`python -m service` with these arguments. `variables` replace all SHIPYARD_ variables of the environment.

    It serves on a free port of 127.0.0.1 unless the variables say otherwise. The context manager kills it at the end.
    `command` replaces `-m service`; `log` is what it has written to standard error so far.
    """

    def __init__(self, *arguments: str, command: Sequence[str] = ("-m", "service"), **variables: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            env=clean_environment(**_DEFAULTS | variables),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.pid = self._process.pid
        self.log = ""

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def port(self) -> int:
        """Wait until it serves; return its port."""
        return int(self.wait_for(_LISTENING)[1])

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Read its log until a line matches; return the match."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log += line
            if (match := pattern.search(line)) is not None:
                return match
        pytest.fail(f"it ended without a line that matches {pattern.pattern!r}: {self.log}")

    def stop(self, by: signal.Signals) -> int:
        """Send it a signal; return its exit status."""
        self._process.send_signal(by)
        return self.end()

    def end(self) -> int:
        """Wait until it ends; return its exit status."""
        self.log += self._process.communicate(timeout=TIMEOUT)[1]
        return self._process.returncode


async def startup_error(settings: Settings) -> str:
    """Start a service that cannot start; return its error message."""
    with pytest.raises(StartupError) as caught:
        await _start(settings)
    return str(caught.value)


async def _start(settings: Settings) -> None:
    runner = Runner(create_app(settings))
    try:
        await runner.setup()
    finally:
        await runner.cleanup()
