"""The servers to measure: Shipyard on each store, its peers, the baselines."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.environment import PYTHON
from bench.workloads import LIST, LOG_IN, MATCH, ONE, POST, PUT, TOKEN, WORKLOADS, Workload

SECRET = "a signing key for the benchmarks only"
COMMON = tuple(workload for workload in WORKLOADS if workload is not MATCH)
UVICORN = "-m uvicorn --host 127.0.0.1 --port {port} --workers 1 --no-access-log --log-level warning"
GUNICORN = "-m gunicorn -b 127.0.0.1:{port} -w 1 -k gthread --threads 8 --log-level warning --no-control-socket"
GRANIAN = "-m granian --interface asgi --host 127.0.0.1 --port {port} --workers 1 --no-ws --log-level warning"


@dataclass(frozen=True, eq=False)
class Server:
    """A server that can be started.

    arguments: of the interpreter, with `{port}`. workloads: those it supports. shared_environment: whether it runs in
    Shipyard's virtual environment instead of that of the peers. A baseline returns fixed bytes for each workload.
    """

    name: str
    role: Literal["Shipyard", "peer", "peer with a cache", "baseline"]
    arguments: str
    env: Mapping[str, str] = field(default_factory=dict)
    workloads: tuple[Workload, ...] = COMMON
    shared_environment: bool = False

    def command(self, port: int) -> list[str]:
        """Return the command that starts the server."""
        return [sys.executable if self.shared_environment else str(PYTHON), *self.arguments.format(port=port).split()]

    def environment(self, port: int) -> dict[str, str]:
        """Return the environment variables that the server requires."""
        common = {
            "BENCH_PORT": str(port),
            "BENCH_SECRET": SECRET,
            "SHIPYARD_PORT": str(port),
            "PYTHONWARNINGS": "ignore",
        }
        return common | dict(self.env)


def shipyard(store: str, url: str, plugin: str, **settings: str) -> Server:
    """Return Shipyard in its production configuration, without the access log, which the peers do not write either."""
    env = {
        "PYTHONPATH": plugin,
        "SHIPYARD_CONFIG": "production",
        "SHIPYARD_HOST": "127.0.0.1",
        "SHIPYARD_ACCESS_LOG": "false",
        "SHIPYARD_ALLOW_DEMO_USERS": "true",
        "SHIPYARD_JWT_SECRET": SECRET,
        "SHIPYARD_PLUGINS_ALLOW": "shipyard,shipyard-bench",
        "SHIPYARD_STORE": url,
    }
    return Server(f"Shipyard, {store}", "Shipyard", "-m service", env | settings, WORKLOADS, shared_environment=True)


PEERS = (
    Server("Flask + gunicorn", "peer", f"{GUNICORN} bench.peers.flask:app"),
    Server("Django REST framework + gunicorn", "peer", f"{GUNICORN} bench.peers.django:app"),
    Server("FastAPI + uvicorn", "peer", f"{UVICORN} bench.peers.fastapi:app"),
    Server("Litestar + granian", "peer", f"{GRANIAN} bench.peers.litestar:app"),
    Server("aiohttp as in its tutorial", "peer", "-m bench.peers.aiohttp", shared_environment=True),
    Server("Robyn", "peer", "-m bench.peers.robyn --processes 1 --workers 1 --log-level ERROR"),
    Server("Starlette + uvicorn", "peer", f"{UVICORN} bench.peers.starlette:app"),
    Server("Sanic", "peer", "-m sanic bench.peers.sanic:app -H 127.0.0.1 -p {port} --single-process --no-motd"),
    Server("Falcon + uvicorn", "peer", f"{UVICORN} bench.peers.falcon:app"),
    Server("BlackSheep + granian", "peer", f"{GRANIAN} bench.peers.blacksheep:app"),
)
CACHE = {"BENCH_CACHE_TOKENS": "1"}
CACHED = tuple(
    Server(f"{peer.name}, cached tokens", "peer with a cache", peer.arguments, CACHE, (TOKEN, PUT, POST))
    for peer in PEERS[-4:]
)
BASELINES = (
    Server("aiohttp, one bare handler", "baseline", "-m bench.peers.bare", shared_environment=True),
    Server("raw protocol on uvloop", "baseline", "-m bench.peers.raw", shared_environment=True),
)


def database_peer(url: str) -> Server:
    """Return the peer of Shipyard on PostgreSQL."""
    arguments = f"{UVICORN} bench.peers.sqlalchemy:app"
    workloads = (ONE, LIST, TOKEN, PUT, LOG_IN, POST)
    return Server("FastAPI + SQLAlchemy + asyncpg", "peer", arguments, {"BENCH_DATABASE": url}, workloads)
