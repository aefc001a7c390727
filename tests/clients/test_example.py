"""The example of an admin front end: it can be built from its lock file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.clients.conftest import EXAMPLE, SECONDS, install_packages, installed


def test_the_example_can_be_built(tmp_path: Path) -> None:
    install_packages(EXAMPLE)
    command = [installed("npm"), "run", "build", "--", "--outDir", str(tmp_path), "--emptyOutDir", "--logLevel=error"]
    environ = os.environ | {"VITE_SHIPYARD": "https://api.example.org"}
    subprocess.run(command, cwd=EXAMPLE, env=environ, timeout=SECONDS, check=True, capture_output=True)
    (script,) = (tmp_path / "assets").glob("*.js")
    code = script.read_text("utf-8")
    assert "/auth/login" in code
    assert "https://api.example.org" in code
    assert "createElement(App" not in code, "JSX is compiled to a call of React, which App.jsx does not import"


def test_the_lock_names_no_host() -> None:
    assert "://" not in (EXAMPLE / "package-lock.json").read_text("utf-8"), "make it by `npm run lock`"
