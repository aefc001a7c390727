"""A disk that can lose its power: it knows what was written to each file, and what of it was synced."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

NAME = "disk"
_SECTOR = 512  # bytes that are written whole or not at all
_NEW_AND_SYNCED_WITH_ITS_FOLDER = ("-wal", "-journal")

Piece = tuple[int, bytes | None]
"""Bytes at an offset; None: the file ends there."""


@dataclass(eq=False)
class Inode:
    """One file as it is on the disk, and the pieces written to it that no sync has put there yet."""

    kept: bytearray = field(default_factory=bytearray)
    pending: list[Piece] = field(default_factory=list)

    def sync(self) -> None:
        """Put all there."""
        _put(self.kept, self.pending)
        self.pending = []

    def after(self, loss: Loss) -> bytes:
        """What is there after a loss of power."""
        kept = self.kept.copy()
        _put(kept, loss(self.pending))
        return bytes(kept)


Loss = Callable[[list[Piece]], list[Piece]]
"""Which of the pieces not synced were put on the disk nevertheless."""


def _put(kept: bytearray, pieces: list[Piece]) -> None:
    for offset, content in pieces:
        kept.extend(bytes(max(0, offset - len(kept))))
        if content is None:
            del kept[offset:]
        else:
            kept[offset : offset + len(content)] = content


def _none(pieces: list[Piece]) -> list[Piece]:
    return []


def _all(pieces: list[Piece]) -> list[Piece]:
    return pieces


def _first(pieces: list[Piece]) -> list[Piece]:
    """The last one torn, because these are sectors."""
    return pieces[: random.randint(0, len(pieces))]


def _some(pieces: list[Piece]) -> list[Piece]:
    """Others than the first ones too: a disk writes in any order."""
    share = random.random()
    return [piece for piece in pieces if random.random() < share]


LOSSES: tuple[Loss, ...] = (_none, _all, _first, _some)

Event = Callable[["Disk"], None]


class Disk:
    """Plays events again, one by one; at any of them the power may be lost."""

    def __init__(self) -> None:
        self._now: dict[str, Inode] = {}
        self._kept: dict[str, Inode] = {}

    def open(self, name: str) -> None:
        self._now.setdefault(name, Inode())

    def write(self, name: str, offset: int, content: bytes) -> None:
        inode = self._now[name]
        ends = [*range(offset - offset % _SECTOR + _SECTOR, offset + len(content), _SECTOR), offset + len(content)]
        for end in ends:
            start = max(offset, (end - 1) // _SECTOR * _SECTOR)
            inode.pending.append((start, content[start - offset : end - offset]))

    def truncate(self, name: str, size: int) -> None:
        self._now[name].pending.append((size, None))

    def sync(self, name: str) -> None:
        self._now[name].sync()
        if self._kept.get(name) is not self._now[name]:
            self._kept[name] = self._now[name]
            if name.endswith(_NEW_AND_SYNCED_WITH_ITS_FOLDER):
                self._kept = self._now.copy()

    def delete(self, name: str) -> None:
        del self._now[name]

    def image(self, folder: Path) -> None:
        """Write the files into a folder as they would be if the power were lost now."""
        loss = random.choice(LOSSES)
        for name in self._now.keys() | self._kept.keys():
            there = random.choice([self._now, self._kept]).get(name)
            if there is not None:
                (folder / name).write_bytes(there.after(loss))


class Recorder(apsw.VFS):
    """Files as they are anywhere; what is done to them becomes events."""

    def __init__(self) -> None:
        super().__init__(NAME, "")
        self.events: list[Any] = []

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # apsw's name
        # A file without a name is a temporary one, and gone with the process anyway.
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

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802  # apsw's form
        # Not synced in truth: nobody pulls this plug, and it takes long.
        self._events.append(lambda disk: disk.sync(self._name))
