"""Several processes behind one socket: what gunicorn is told, and what each of its workers runs.

The module is gunicorn's configuration too: a name in it that is one of gunicorn's settings is that setting.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from typing import Any

from aiohttp import web
from prometheus_client import multiprocess

from service.app import create_app
from service.http.server import Runner
from service.ops import log_setup
from service.settings.loader import load_settings
from service.settings.schema import Settings

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that prometheus_client looks for when it is imported."""


def start(settings: Settings, app: web.Application) -> None:
    """Become gunicorn. The app is started and stopped once before, so that what is wrong is said in one sentence."""
    asyncio.run(_try(app))
    os.environ[METRICS_FOLDER] = tempfile.mkdtemp(prefix="shipyard-metrics-")
    bind = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "bind": f"{bind}:{settings.port}",
        "workers": settings.workers,
        "worker-class": "aiohttp.GunicornUVLoopWebWorker",
        "graceful-timeout": max(1, round(settings.limits.stop_seconds)),
        "config": f"python:{__name__}",
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *words, f"{__name__}:runner"]
    os.execv(sys.executable, command)  # noqa: S606  # our own interpreter, no shell


async def runner() -> Runner:
    """What a worker runs."""
    log_setup.start()
    return Runner(create_app(load_settings()), owns_process=True)


def child_exit(_: Any, worker: Any) -> None:
    """Gunicorn's hook: a worker has ended, and its gauges with it."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the package leaves this one out


def on_exit(_: Any) -> None:
    """Gunicorn's hook: all have ended."""
    shutil.rmtree(os.environ.get(METRICS_FOLDER, ""), ignore_errors=True)


async def _try(app: web.Application) -> None:
    trial = Runner(app)
    try:
        await trial.setup()
    finally:
        await trial.cleanup()
