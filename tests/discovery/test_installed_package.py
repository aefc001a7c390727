"""A plugin in a package that pip has installed, in the running service."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from service.__main__ import main
from tests.support.planets import PLANETS
from tests.support.program import Program

HOTH = {"name": "Hoth", "climate": "frozen"}


PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "shipyard-NAME"
version = "0.1"
dependencies = ["shipyard"]

[project.entry-points."shipyard.plugins"]
NAME = "shipyard_NAME"
"""

TATOOINE = {"name": "Tatooine", "climate": "arid"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the plugins `planets` and `broken`, which cannot be imported."""
    folder = tmp_path_factory.mktemp("packages")
    for name, code in (("planets", PLANETS), ("broken", "import nowhere\n")):
        project = folder / name
        project.mkdir()
        (project / "pyproject.toml").write_text(PROJECT.replace("NAME", name))
        (project / f"shipyard_{name}.py").write_text(code)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    command += ["--no-build-isolation", "--no-deps", "--target", str(folder / "site")]
    subprocess.run([*command, str(folder / "planets"), str(folder / "broken")], check=True)
    return folder / "site"


async def test_an_installed_package_adds_a_resource(site: Path, data_with: Callable[..., str]) -> None:
    settings = {
        "SHIPYARD_PLUGINS_ENABLED": "users,auth,planets",
        "SHIPYARD_DATA": data_with(planets=[{"id": 1, **TATOOINE}]),
    }
    with Program(PYTHONPATH=str(site), **settings) as program:
        base = f"http://127.0.0.1:{program.port()}"
        async with aiohttp.ClientSession(base) as session:
            response = await session.post("/auth/login", json={"username": "user", "password": "password"})
            headers = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
            assert (await session.post("/api/planets", json=HOTH)).status == 401
            response = await session.post("/api/planets", json=HOTH, headers=headers)
            assert (response.status, await response.json()) == (201, {"id": 2, **HOTH})
            assert response.headers["Location"] == f"{base}/api/planets/2"
            listed = await (await session.get("/api/planets", params={"climate": "frozen"})).json()
            assert listed == [{"id": 2, **HOTH}]
            assert await (await session.get("/api/planets/1")).json() == {"id": 1, **TATOOINE}
            document = await (await session.get("/api/docs/openapi.json")).json()
            assert document["paths"].keys() >= {"/api/planets", "/api/planets/{id}"}
            assert {"name": "planets"} in document["tags"]
        assert program.stop(signal.SIGTERM) == 0
    assert "plugins: users, auth, planets" in program.log


def test_a_package_that_cannot_be_imported_is_an_error_in_one_line(site: Path) -> None:
    with Program(PYTHONPATH=str(site)) as program:
        assert program.end() == 1
    (line,) = program.log.splitlines()
    assert line.endswith(
        "plugin 'broken' (shipyard_broken, from shipyard-broken) cannot be imported: "
        "ModuleNotFoundError: No module named 'nowhere' (shipyard_broken.py, line 1)."
    )


def test_an_installed_package_is_listed_by_routes_and_plugins(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("SHIPYARD_PLUGINS_ENABLED", "planets")
    assert [main(["routes"]), main(["plugins"])] == [0, 0]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["GET", "/api/planets", "public", "planets", "planets.list"] in lines
    assert ["PUT", "/api/planets/{id}", "user", "planets", "planets.replace"] in lines
    assert ["planets", "shipyard_planets", "shipyard-planets", "0.1", "-", "6"] in lines
