"""The virtual environment of the peers, separate from Shipyard's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from bench.workloads import ROOT

HERE = Path(__file__).parent
FOLDER = ROOT / ".venv-bench"
PYTHON = FOLDER / "bin" / "python"


def prepare() -> None:
    """Create the environment, or update it to requirements.txt."""
    _install(HERE / "requirements.txt")


def compiler() -> list[str]:
    """Return the command of a C compiler from PyPI, for a machine without one."""
    _install(HERE / "compiler.txt")
    return [str(PYTHON), "-m", "ziglang", "cc"]


def install_plugin(folder: Path, source: Path = HERE / "plugin") -> None:
    """Install Shipyard's benchmark plugin into a folder that can be added to PYTHONPATH."""
    _pip(Path(sys.executable), "--no-deps", "--no-build-isolation", "--target", str(folder), str(source))


def _install(locked: Path) -> None:
    digest = hashlib.sha256(locked.read_bytes()).hexdigest()
    stamp = FOLDER / f"{locked.stem}.installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    if not PYTHON.exists():
        venv.create(FOLDER, with_pip=True)
    print(f"Installing {locked.relative_to(ROOT)} into {FOLDER.name}/ ...", flush=True)
    _pip(PYTHON, "--require-hashes", "-r", str(locked))
    stamp.write_text(digest)


def _pip(python: Path, *arguments: str) -> None:
    subprocess.run([str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments], check=True)
