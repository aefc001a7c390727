"""The bench's own virtual environment, so that no peer ever meets Shipyard's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from bench.work import ROOT

HERE = Path(__file__).parent
FOLDER = ROOT / ".venv-bench"
PYTHON = FOLDER / "bin" / "python"


def prepare() -> None:
    """Make the environment, or bring it up to date with requirements.txt."""
    _install(HERE / "requirements.txt")


def compiler() -> list[str]:
    """The command of a C compiler from PyPI, for a machine that has none."""
    _install(HERE / "compiler.txt")
    return [str(PYTHON), "-m", "ziglang", "cc"]


def install_plugin(folder: Path, source: Path = HERE / "plugin") -> None:
    """Install the bench's plugin for Shipyard into a folder that can be added to PYTHONPATH."""
    _pip(Path(sys.executable), "--no-deps", "--no-build-isolation", "--target", str(folder), str(source))


def _install(locked: Path) -> None:
    wanted = hashlib.sha256(locked.read_bytes()).hexdigest()
    mark = FOLDER / f"{locked.stem}.installed"
    if mark.exists() and mark.read_text() == wanted:
        return
    if not PYTHON.exists():
        venv.create(FOLDER, with_pip=True)
    print(f"Installing {locked.relative_to(ROOT)} into {FOLDER.name}/ ...", flush=True)
    _pip(PYTHON, "--require-hashes", "-r", str(locked))
    mark.write_text(wanted)


def _pip(python: Path, *words: str) -> None:
    subprocess.run([str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *words], check=True)
