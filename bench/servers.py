"""Who is measured: Shipyard on each store, its peers, the floors."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.environment import PYTHON
from bench.work import KINDS, LIST, LOG_IN, MATCH, ONE, POST, PUT, TOKEN, Kind

SECRET = "measured with a secret of the bench's own"
WORK = tuple(kind for kind in KINDS if kind is not MATCH)
UVICORN = "-m uvicorn --host 127.0.0.1 --port {port} --workers 1 --no-access-log --log-level warning"
GUNICORN = "-m gunicorn -b 127.0.0.1:{port} -w 1 -k gthread --threads 8 --log-level warning --no-control-socket"
GRANIAN = "-m granian --interface asgi --host 127.0.0.1 --port {port} --workers 1 --no-ws --log-level warning"


@dataclass(frozen=True, eq=False)
class Server:
    """A server that can be started.

    words: of its command, after the interpreter, `{port}` among them. own: run by this interpreter, with Shipyard's
    dependencies; else by that of the peers. work: what it can do. floor: it answers fixed bytes to whatever is asked.
    """

    name: str
    role: Literal["Shipyard", "peer", "peer with a cache", "floor"]
    words: str
    env: Mapping[str, str] = field(default_factory=dict)
    work: tuple[Kind, ...] = WORK
    own: bool = False

    def command(self, port: int) -> list[str]:
        """The command line that starts it."""
        return [sys.executable if self.own else str(PYTHON), *self.words.format(port=port).split()]

    def environment(self, port: int) -> dict[str, str]:
        """What it needs to know, beside the command line."""
        given = {
            "BENCH_PORT": str(port),
            "BENCH_SECRET": SECRET,
            "SHIPYARD_PORT": str(port),
            "PYTHONWARNINGS": "ignore",
        }
        return given | dict(self.env)


def shipyard(store: str, url: str, plugin: str, **settings: str) -> Server:
    """Shipyard as production has it, but for the access log, which the peers do not write either."""
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
    return Server(f"Shipyard, {store}", "Shipyard", "-m service", env | settings, KINDS, own=True)


PEERS = (
    Server("Flask + gunicorn", "peer", f"{GUNICORN} bench.peers.flask:app"),
    Server("Django REST framework + gunicorn", "peer", f"{GUNICORN} bench.peers.django:app"),
    Server("FastAPI + uvicorn", "peer", f"{UVICORN} bench.peers.fastapi:app"),
    Server("Litestar + granian", "peer", f"{GRANIAN} bench.peers.litestar:app"),
    Server("aiohttp as in its tutorial", "peer", "-m bench.peers.aiohttp", own=True),
    Server("Robyn", "peer", "-m bench.peers.robyn --processes 1 --workers 1 --log-level ERROR"),
    Server("Starlette + uvicorn", "peer", f"{UVICORN} bench.peers.starlette:app"),
    Server("Sanic", "peer", "-m sanic bench.peers.sanic:app -H 127.0.0.1 -p {port} --single-process --no-motd"),
    Server("Falcon + uvicorn", "peer", f"{UVICORN} bench.peers.falcon:app"),
    Server("BlackSheep + granian", "peer", f"{GRANIAN} bench.peers.blacksheep:app"),
)
CACHED = tuple(
    Server(
        f"{peer.name}, remembered tokens", "peer with a cache", peer.words, {"BENCH_REMEMBER": "1"}, (TOKEN, PUT, POST)
    )
    for peer in PEERS[-4:]
)
FLOORS = (
    Server("aiohttp, one bare handler", "floor", "-m bench.peers.bare", own=True),
    Server("raw protocol on uvloop", "floor", "-m bench.peers.raw", own=True),
)


def database_peer(url: str) -> Server:
    """What a user would pick instead of Shipyard on PostgreSQL."""
    words = f"{UVICORN} bench.peers.sqlalchemy:app"
    work = (ONE, LIST, TOKEN, PUT, LOG_IN, POST)
    return Server("FastAPI + SQLAlchemy + asyncpg", "peer", words, {"BENCH_DATABASE": url}, work)
