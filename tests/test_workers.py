"""Several workers: each uses the settings that `workers.start` was called with, after a reload too."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from service.auth.tokens import Tokens
from service.settings.loader import load_settings
from service.settings.schema import ROOT
from tests.support.program import Program
from tests.support.requests import SHIP

WORKERS = 2
SECRET = "canary-9vQkq2Zr7dLx0WfTn4YbHs8UaEcJpMgR"
START = f"""
import sys
from pathlib import Path
from service import workers
from service.app import create_app
from service.settings.loader import load_settings

folder = Path(sys.argv[1])
settings = load_settings(
    "development", {{}}, folder / "config", host="127.0.0.1", port=0, workers={WORKERS}, docs=False,
    store=f"sqlite:///{{folder}}/canary.db", data=sys.argv[2], limits={{"body_bytes": 1024}},
    jwt={{"secret_file": str(folder / "key"), "old_secrets": ["canary" * 8]}},
    plugins={{"ships": {{"password": "canary"}}}},
)
workers.start(settings, create_app(settings))
"""
BOOTED = re.compile(r"Booting worker with pid: (\d+)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the configuration files and the signing key."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    write_key(tmp_path, SECRET)
    return tmp_path


@pytest.fixture
def program(folder: Path, data_file: Path) -> Iterator[Program]:
    with Program(str(folder), str(data_file), command=["-c", START]) as program:
        yield program


def write_key(folder: Path, secret: str) -> None:
    path = folder / "key"
    path.write_text(secret)
    path.chmod(0o600)


def wait_for_workers(program: Program) -> set[int]:
    """Return the process ids of the workers that start next."""
    return {int(program.wait_for(BOOTED)[1]) for _ in range(WORKERS)}


async def check_settings(port: int) -> None:
    """Send requests, on so many connections that each worker gets some; check that the settings of the call hold."""
    token = Tokens(load_settings("development", {}).jwt, SECRET).pair(1).access
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        for _ in range(20):
            assert (await session.get("/api/docs")).status == 404
            assert (await session.put("/api/ships/1", json=SHIP)).status == 200
            assert (await session.put("/api/ships/1", json={**SHIP, "model": "x" * 1024})).status == 413


def exposed(process: int) -> str:
    """Return what other processes can see of a process: its arguments and its environment."""
    return "".join(Path(f"/proc/{process}/{name}").read_bytes().decode() for name in ("cmdline", "environ"))


async def test_workers_use_the_settings_of_the_call_also_after_a_reload(program: Program, folder: Path) -> None:
    port = program.port()
    first = wait_for_workers(program)
    await check_settings(port)
    # Neither the files nor the signing key are read again.
    (folder / "config" / "development.toml").write_text("docs = true\nport = 'wrong'\n[limits]\nbody_bytes = 65536\n")
    write_key(folder, SECRET[::-1])
    os.kill(program.pid, signal.SIGHUP)
    second = wait_for_workers(program)
    assert first.isdisjoint(second)
    await check_settings(port)
    assert program.stop(signal.SIGTERM) == 0
    assert "Traceback" not in program.log


async def test_a_worker_that_was_killed_is_replaced_by_one_with_the_same_settings(
    program: Program, folder: Path
) -> None:
    port = program.port()
    for process in wait_for_workers(program):
        os.kill(process, signal.SIGKILL)
    write_key(folder, SECRET[::-1])
    wait_for_workers(program)
    await check_settings(port)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_no_secret_is_visible_in_the_arguments_or_the_environment_of_a_process(program: Program) -> None:
    program.port()
    for process in {program.pid, *wait_for_workers(program)}:
        assert "gunicorn" in exposed(process)
        assert "canary" not in exposed(process)


def test_what_stops_the_start_is_reported_once(folder: Path, data_file: Path) -> None:
    (folder / "canary.db").write_bytes(b"not a database" * 1000)
    with Program(str(folder), str(data_file), command=["-c", START]) as program:
        assert program.end() == 1
    assert program.log.count("StartupError: store sqlite:///") == 1
    assert "Booting worker" not in program.log
