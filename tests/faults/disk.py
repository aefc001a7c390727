"""A simulated disk that can lose power: it knows what was written to each file, and how much of it was synced."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

NAME = "disk"
_SECTOR_SIZE = 512  # bytes, which are written completely or not at all
_SYNCED_WITH_DIRECTORY = ("-wal", "-journal")  # SQLite syncs the directory after the first sync of these files

Write = tuple[int, bytes | None]
"""An offset and the bytes written there; None truncates the file."""


@dataclass(eq=False)
class Inode:
    """The synced content of one file, and the writes since the last sync."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        """Apply the pending writes."""
        _apply(self.synced, self.pending)
        self.pending = []

    def after(self, loss: Loss) -> bytes:
        """Return the content after a power failure."""
        content = self.synced.copy()
        _apply(content, loss(self.pending))
        return bytes(content)


Loss = Callable[[list[Write]], list[Write]]
"""Returns the pending writes that reached the disk before the power failure."""


def _apply(content: bytearray, writes: list[Write]) -> None:
    for offset, data in writes:
        content.extend(bytes(max(0, offset - len(content))))
        if data is None:
            del content[offset:]
        else:
            content[offset : offset + len(data)] = data


def _none(writes: list[Write]) -> list[Write]:
    return []


def _all(writes: list[Write]) -> list[Write]:
    return writes


def _first(writes: list[Write]) -> list[Write]:
    """The first writes; they are sectors, so the last page may be torn."""
    return writes[: random.randint(0, len(writes))]


def _some(writes: list[Write]) -> list[Write]:
    """Any of the writes, because a disk can reorder them."""
    share = random.random()
    return [write for write in writes if random.random() < share]


LOSSES: tuple[Loss, ...] = (_none, _all, _first, _some)

Event = Callable[["Disk"], None]


class Disk:
    """The state of the disk after a sequence of events; the power can be lost after any of them."""

    def __init__(self) -> None:
        self._current: dict[str, Inode] = {}
        self._synced: dict[str, Inode] = {}

    def open(self, name: str) -> None:
        self._current.setdefault(name, Inode())

    def write(self, name: str, offset: int, content: bytes) -> None:
        inode = self._current[name]
        ends = [
            *range(offset - offset % _SECTOR_SIZE + _SECTOR_SIZE, offset + len(content), _SECTOR_SIZE),
            offset + len(content),
        ]
        for end in ends:
            start = max(offset, (end - 1) // _SECTOR_SIZE * _SECTOR_SIZE)
            inode.pending.append((start, content[start - offset : end - offset]))

    def truncate(self, name: str, size: int) -> None:
        self._current[name].pending.append((size, None))

    def sync(self, name: str) -> None:
        self._current[name].sync()
        if self._synced.get(name) is not self._current[name]:
            self._synced[name] = self._current[name]
            if name.endswith(_SYNCED_WITH_DIRECTORY):
                self._synced = self._current.copy()

    def delete(self, name: str) -> None:
        del self._current[name]

    def image(self, folder: Path) -> None:
        """Write the files to a folder as they would be after a power failure at this moment."""
        loss = random.choice(LOSSES)
        for name in self._current.keys() | self._synced.keys():
            inode = random.choice([self._current, self._synced]).get(name)
            if inode is not None:
                (folder / name).write_bytes(inode.after(loss))


class Recorder(apsw.VFS):
    """A VFS on real files that records the operations on them as events."""

    def __init__(self) -> None:
        super().__init__(NAME, "")
        self.events: list[Any] = []

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # apsw's name
        # A file without a name is temporary and does not survive the process.
        return super().xOpen(name, flags) if name is None else _File(self.events, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802  # apsw's name
        super().xDelete(name, sync_folder)
        file = Path(name).name
        self.events.append(lambda disk: disk.delete(file))


class _File(apsw.VFSFile):
    def __init__(self, events: list[Any], name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._events = events
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        self._events.append(lambda disk: disk.open(self._name))

    def xWrite(self, content: Any, offset: int) -> None:  # noqa: N802  # apsw's name
        super().xWrite(content, offset)
        copy = bytes(content)
        self._events.append(lambda disk: disk.write(self._name, offset, copy))

    def xTruncate(self, size: int) -> None:  # noqa: N802  # apsw's name
        super().xTruncate(size)
        self._events.append(lambda disk: disk.truncate(self._name, size))

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802  # apsw's signature
        # The real file is not synced, which would be slow and is not needed.
        self._events.append(lambda disk: disk.sync(self._name))
