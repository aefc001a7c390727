"""A full disk: the service runs with a limit on the size of files, and on a small file system if one can be mounted."""

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

from tests.faults.report import Report, combined
from tests.faults.service import Service, log_in
from tests.faults.sqlite_kills import integrity
from tests.support.requests import SHIP

_SIZE = 1_000_000  # bytes of space
_MAX_SHIPS = 2000  # more than there is space for
_LARGE = {**SHIP, "model": "x" * 200, "roles": ["y" * 200] * 32}


class Disk(ABC):
    """A folder with limited space, and the service on a SQLite file in it."""

    name: str

    def __init__(self, folder: Path, prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.service = Service(f"sqlite:///{folder}/disk/file.db", folder, prefix)

    @property
    def file(self) -> Path:
        """The path of the file, as seen by this process."""
        return self.folder / "disk" / "file.db"

    @abstractmethod
    def fill(self) -> None:
        """Make the disk nearly full."""

    @abstractmethod
    def clear(self) -> None:
        """Make space on the disk."""


class Limited(Disk):
    """A limit on the size of the files that the service writes."""

    name = "a limit on the size of files"

    def fill(self) -> None:
        resource.prlimit(self.service.process, resource.RLIMIT_FSIZE, (_SIZE, resource.RLIM_INFINITY))

    def clear(self) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.service.process, resource.RLIMIT_FSIZE, unlimited)


class Mounted(Disk):
    """A file system in memory, mounted for the service only."""

    name = "a full file system"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _mount_command(folder / "disk"))

    @property
    def file(self) -> Path:
        return Path(f"/proc/{self.service.process}/root{super().file}")

    def fill(self) -> None:
        with self.file.with_name("ballast").open("wb") as ballast:
            ballast.write(bytes(2 * _SIZE))

    def clear(self) -> None:
        self.file.with_name("ballast").unlink()


def _mount_command(directory: Path) -> tuple[str, ...]:
    mount = f'mount -t tmpfs -o size={3 * _SIZE} tmpfs "{directory}" && exec "$@"'
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh")


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([*_mount_command(Path(folder)), "true"], capture_output=True, check=False).returncode == 0


async def run() -> Report:
    """Run the trial on each kind of disk that is possible here."""
    reports = []
    kinds: list[type[Limited] | type[Mounted]] = [Limited, *([Mounted] if _can_mount() else [])]
    for kind in tqdm(kinds, "SQLite, disks filled", leave=False):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "disk").mkdir()
            disk = kind(Path(folder))
            try:
                await disk.service.start()
                async with aiohttp.ClientSession(disk.service.url) as session:
                    session.headers.update(await log_in(session, disk.service))
                    reports.append(await Trial(disk, session).run())
            finally:
                disk.service.kill()
    return combined(reports)


class Result(NamedTuple):
    """A request and the status of its response."""

    request: str
    status: int


class Trial:
    """The requests to the service on one disk, and the responses that violate the contract."""

    def __init__(self, disk: Disk, session: aiohttp.ClientSession) -> None:
        self.violations: list[str] = []
        self.results: list[Result] = []
        self._disk = disk
        self._session = session

    async def run(self) -> Report:
        """Send requests while the disk is full, then when it has space again."""
        ships = await self._ships()
        self._disk.fill()
        added = await self._add_until_full()
        ships += added
        for path in ("/api/ships/1", "/api/ships", "/health/ready"):
            await self._request("GET", path, 200)
        await self._request("POST", "/api/ships", 503, 507, ship=_LARGE)
        await self._request("PUT", "/api/ships/1", 503, 507, ship=_LARGE)
        # It writes less than the other requests, so there may be enough space for it.
        ships -= await self._request("DELETE", "/api/ships/1", 204, 503, 507) == 204
        await self._check_count(ships)
        self._disk.clear()
        await self._request("POST", "/api/ships", 201, ship=_LARGE)
        await self._request("PUT", "/api/ships/2", 200, ship=SHIP)
        await self._request("DELETE", "/api/ships/3", 204)
        await self._check_count(ships)
        self.violations += integrity(self._disk.file)
        results = ", ".join(f"{request} {status}" for request, status in self.results)
        return Report(f"SQLite on {self._disk.name}: space for {added} ships, then: {results}", self.violations)

    async def _request(self, method: str, path: str, *expected: int, ship: Any = None) -> int:
        async with self._session.request(method, path, json=ship) as response:
            self.results.append(Result(f"{method} {path}", response.status))
        if response.status not in expected:
            self.violations.append(f"{method} {path} returns {response.status}, not {expected}")
        return response.status

    async def _add_until_full(self) -> int:
        """Add large ships, then small ones, until there is no space; return their number."""
        added = 0
        for ship in (_LARGE, SHIP):
            status = 201
            while status == 201 and added < _MAX_SHIPS:
                async with self._session.post("/api/ships", json=ship) as response:
                    status = response.status
                added += status == 201
        return added

    async def _ships(self) -> int:
        async with self._session.get("/api/ships", params={"_limit": "1"}) as response:
            return int(response.headers["X-Total-Count"])

    async def _check_count(self, expected: int) -> None:
        if (found := await self._ships()) != expected:
            self.violations.append(f"there are {found} ships, not {expected}")
