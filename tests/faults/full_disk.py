"""A disk without room under the service: a small file system of its own where one can be had, and a limit of size."""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from tqdm import tqdm

from tests.faults.report import Report
from tests.faults.service import Service, log_in
from tests.faults.sqlite_kills import integrity
from tests.support.requests import SHIP

_SIZE = 1_000_000  # bytes of room
_MOST = 2000  # ships: more than there is room for
_LARGE = {**SHIP, "model": "x" * 200, "roles": ["y" * 200] * 32}


class Disk(ABC):
    """A folder without much room, and the service on a file in it."""

    name: str

    def __init__(self, folder: Path, before: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.service = Service(f"sqlite:///{folder}/room/file.db", folder, before)

    @property
    def file(self) -> Path:
        """The file, as it can be seen from here."""
        return self.folder / "room" / "file.db"

    @abstractmethod
    def fill(self) -> None:
        """Leave little room."""

    @abstractmethod
    def clear(self) -> None:
        """Let there be room again."""


class Limited(Disk):
    """The service may write no file beyond a size."""

    name = "a limit on the size of files"

    def fill(self) -> None:
        resource.prlimit(self.service.process, resource.RLIMIT_FSIZE, (_SIZE, resource.RLIM_INFINITY))

    def clear(self) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.service.process, resource.RLIMIT_FSIZE, unlimited)


class Mounted(Disk):
    """A file system in memory, seen only by the service."""

    name = "a file system that is full"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _mounting(folder / "room"))

    @property
    def file(self) -> Path:
        return Path(f"/proc/{self.service.process}/root{super().file}")

    def fill(self) -> None:
        with self.file.with_name("ballast").open("wb") as ballast:
            ballast.write(bytes(2 * _SIZE))

    def clear(self) -> None:
        self.file.with_name("ballast").unlink()


def _mounting(room: Path) -> tuple[str, ...]:
    mount = f'mount -t tmpfs -o size={3 * _SIZE} tmpfs "{room}" && exec "$@"'
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh")


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([*_mounting(Path(folder)), "true"], capture_output=True, check=False).returncode == 0


async def run() -> Report:
    """Fill each kind of disk that can be had here, and make room again."""
    reports = []
    kinds: list[type[Limited] | type[Mounted]] = [Limited, *([Mounted] if _can_mount() else [])]
    for kind in tqdm(kinds, "SQLite, disks filled", leave=False):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "room").mkdir()
            disk = kind(Path(folder))
            try:
                await disk.service.start()
                async with aiohttp.ClientSession(disk.service.url) as session:
                    session.headers.update(await log_in(session, disk.service))
                    reports.append(await Trial(disk, session).run())
            finally:
                disk.service.kill()
    return Report("\n".join(report.tried for report in reports), [each for it in reports for each in it.violations])


class Asked(NamedTuple):
    """What a request came to."""

    what: str
    status: int


class Trial:
    """What the service on one disk is asked, and what it answers that it must not."""

    def __init__(self, disk: Disk, session: aiohttp.ClientSession) -> None:
        self.violations: list[str] = []
        self.told: list[Asked] = []
        self._disk = disk
        self._session = session

    async def run(self) -> Report:
        """Fill the disk, ask, make room, ask again."""
        ships = await self._ships()
        self._disk.fill()
        added = await self._add_until_full()
        ships += added
        for path in ("/api/ships/1", "/api/ships", "/health/ready"):
            await self._ask("GET", path, 200)
        await self._ask("POST", "/api/ships", 503, 507, ship=_LARGE)
        await self._ask("PUT", "/api/ships/1", 503, 507, ship=_LARGE)
        # It changes less than the others, so there may just be room for it.
        ships -= await self._ask("DELETE", "/api/ships/1", 204, 503, 507) == 204
        await self._count(ships)
        self._disk.clear()
        await self._ask("POST", "/api/ships", 201, ship=_LARGE)
        await self._ask("PUT", "/api/ships/2", 200, ship=SHIP)
        await self._ask("DELETE", "/api/ships/3", 204)
        await self._count(ships)
        self.violations += integrity(self._disk.file)
        told = ", ".join(f"{asked.what} {asked.status}" for asked in self.told)
        return Report(f"SQLite on {self._disk.name}: {added} ships fitted, then: {told}", self.violations)

    async def _ask(self, method: str, path: str, *right: int, ship: Any = None) -> int:
        async with self._session.request(method, path, json=ship) as answer:
            self.told.append(Asked(f"{method} {path}", answer.status))
        if answer.status not in right:
            self.violations.append(f"{method} {path} is answered {answer.status}, not {right}")
        return answer.status

    async def _add_until_full(self) -> int:
        """How many ships there was room for: large ones, then small ones."""
        added = 0
        for ship in (_LARGE, SHIP):
            status = 201
            while status == 201 and added < _MOST:
                async with self._session.post("/api/ships", json=ship) as answer:
                    status = answer.status
                added += status == 201
        return added

    async def _ships(self) -> int:
        async with self._session.get("/api/ships", params={"_limit": "1"}) as answer:
            return int(answer.headers["X-Total-Count"])

    async def _count(self, wanted: int) -> None:
        if (found := await self._ships()) != wanted:
            self.violations.append(f"there are {found} ships, not {wanted}")
