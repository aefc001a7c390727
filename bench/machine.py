"""The machine, the system and the versions that a measurement ran on."""

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

SHIPYARD = ("aiohttp", "uvloop", "orjson", "marshmallow", "PyJWT", "multidict", "yarl", "asyncpg")
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
PRINT_VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def facts() -> dict[str, object]:
    """Return the machine, the versions and the date, to be published with the results."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "shipyard": versions(sys.executable, SHIPYARD),
        "peers": versions(str(PYTHON), PEERS),
    }


def processor() -> str:
    """Return the model name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def versions(python: str, names: Sequence[str]) -> dict[str, str]:
    """Return the versions of these distributions in the environment of an interpreter."""
    output = subprocess.run([python, "-c", PRINT_VERSIONS, *names], check=True, capture_output=True, text=True).stdout
    return dict(json.loads(output))
