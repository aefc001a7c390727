"""What a measurement ran on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.environment import PYTHON

OWN = ("aiohttp", "uvloop", "orjson", "marshmallow", "PyJWT", "multidict", "yarl", "asyncpg")
PEERS = (
    *("flask", "flask-jwt-extended", "marshmallow", "django", "djangorestframework", "djangorestframework-simplejwt"),
    *(
        "gunicorn",
        "fastapi",
        "pydantic",
        "starlette",
        "uvicorn",
        "uvloop",
        "litestar",
        "msgspec",
        "granian",
        "blacksheep",
    ),
    *("falcon", "sanic", "robyn", "sqlalchemy", "asyncpg", "pyjwt", "orjson"),
)
ASK = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def facts() -> dict[str, object]:
    """The machine, the versions and the date, for a reader of the figures."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "shipyard": versions(sys.executable, OWN),
        "peers": versions(str(PYTHON), PEERS),
    }


def processor() -> str:
    """The model of the processor, as the system names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def versions(python: str, names: Sequence[str]) -> dict[str, str]:
    """The versions of these distributions in an interpreter's environment."""
    said = subprocess.run([python, "-c", ASK, *names], check=True, capture_output=True, text=True).stdout
    return dict(json.loads(said))
