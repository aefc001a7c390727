"""Run several worker processes behind one socket, with gunicorn.

This module is gunicorn's configuration file too: a name in it that is a gunicorn setting is that setting.

The workers use the settings that `start` was called with, and its signing key. Nothing is read again when a worker is
replaced or when gunicorn reloads (SIGHUP): to apply a changed configuration file, restart the service.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from prometheus_client import multiprocess

from service.app import create_app
from service.auth.signing_key import signing_secret
from service.http.server import Runner
from service.ops import log_setup
from service.settings.schema import Settings

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that prometheus_client reads when it is imported."""


def start(settings: Settings, app: web.Application) -> None:
    """Replace this process by gunicorn, with settings.workers workers.

    The app is started and stopped once before, so that what is wrong is one StartupError, not one per worker.
    """
    asyncio.run(_start_and_stop(app))
    os.environ[METRICS_FOLDER] = tempfile.mkdtemp(prefix="shipyard-metrics-")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "bind": f"{host}:{settings.port}",
        "workers": settings.workers,
        "worker-class": "aiohttp.GunicornUVLoopWebWorker",
        "graceful-timeout": max(1, round(settings.limits.stop_seconds)),
        "config": f"python:{__name__}",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    descriptor = _write(dataclasses.replace(settings, jwt=_with_secret(settings)))
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *arguments, f"{__name__}:worker({descriptor})"]
    os.execv(sys.executable, command)  # noqa: S606  # our own interpreter, no shell


def worker(descriptor: int) -> Callable[[], Awaitable[Runner]]:
    """Return the function that each worker calls to create its runner. `descriptor`: see `_write`."""

    async def runner() -> Runner:
        log_setup.start()
        return Runner(create_app(_read(descriptor)), owns_process=True)

    return runner


def child_exit(_: Any, worker: Any) -> None:
    """Remove the gauges of a worker that has ended (a hook of gunicorn)."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # prometheus_client has no type for it


def on_exit(_: Any) -> None:
    """Remove the metrics of all workers (a hook of gunicorn)."""
    shutil.rmtree(os.environ.get(METRICS_FOLDER, ""), ignore_errors=True)


def _write(settings: Settings) -> int:
    """Write the settings to a file that child processes inherit; return its descriptor.

    The file has no name: its secrets appear neither in the list of processes nor in their environment.
    """
    with tempfile.TemporaryFile() as file:
        file.write(pickle.dumps(settings))
        file.flush()
        descriptor = os.dup(file.fileno())
    os.set_inheritable(descriptor, True)
    return descriptor


def _read(descriptor: int) -> Settings:
    # pread: the workers share the file position.
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    settings: Settings = pickle.loads(content)  # noqa: S301  # written by `start`, in a file that has no name
    return settings


def _with_secret(settings: Settings) -> Any:
    """Return the JWT settings with the signing key: a worker that starts later must not read another one."""
    return dataclasses.replace(settings.jwt, secret=signing_secret(settings))


async def _start_and_stop(app: web.Application) -> None:
    runner = Runner(app)
    try:
        await runner.setup()
    finally:
        await runner.cleanup()
