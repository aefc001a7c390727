"""The file of a SQLite store: how it is opened, what may be wrong with it, what is made of it before it is used."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from service.store.base import StorageFull, StoreError, StoreUnavailable, StoreUnusable
from service.store.sqlite.schema import APPLICATION, MIGRATIONS, fit, migrate
from service.store.sqlite.table import Table

PATIENCE_SECONDS = 2.0
"""How long a lock of another process is waited for."""
NETWORKS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs"}
"""File systems on which processes cannot share the memory that the write-ahead log needs."""

_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_WRONG = {
    sqlite3.SQLITE_NOTADB: "is not a SQLite database; name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged; put back a copy, or save what `sqlite3 <file> .recover` can",
    sqlite3.SQLITE_READONLY: "cannot be written; let whoever runs the service write the file and its directory",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; let whoever runs the service read and write the file and its directory",
    sqlite3.SQLITE_BUSY: "is locked by another process; stop that, then start again",
    sqlite3.SQLITE_FULL: "cannot grow, because the disk is full; make room",
}


def connect(path: Path, synchronous: str = "FULL", patience: float = 0) -> sqlite3.Connection:
    """A connection that commits nothing by itself and answers texts as bytes, for one thread at a time.

    patience: for how many seconds it waits for a lock, once it is open.
    """
    connection = sqlite3.connect(
        path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.text_factory = bytes
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA fullfsync = ON")  # without it, macOS calls synced what is on its way to the disk
        connection.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def patiently(connection: sqlite3.Connection, sql: str) -> sqlite3.Cursor:
    """Execute what another process may have locked, for PATIENCE_SECONDS; at even intervals, which is fair."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return connection.execute(sql)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
        time.sleep(0.001)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether it failed because another connection has a lock."""
    return _code(error) == sqlite3.SQLITE_BUSY


def failure(error: Exception, *, committing: bool = False) -> StoreError:
    """What a failed read or write is to the caller of the store."""
    if isinstance(error, StoreError):
        return error
    if getattr(error, "sqlite_errorcode", 0) in _NO_ROOM:
        return StorageFull(str(error))
    return StoreUnavailable(f"SQLite: {error}", unknown=committing)


def prepare(path: Path, tables: Iterable[Table]) -> None:
    """Make the file ready for these tables. Raises StoreUnusable, and then the file is as it was."""
    try:
        _look_round(path)
        if not path.exists():
            path.touch(0o600)  # there will be passwords in it, if only their hashes
        elif path.stat().st_size:
            _examine(path)
        with closing(connect(path)) as connection:
            _make_ready(connection, tables)
    except StoreUnusable as error:
        raise StoreUnusable(f"{path} {error}") from error.__cause__
    except (sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"{path} {_WRONG.get(_code(error), f'cannot be used: {error}')}") from error


def file_system(directory: Path, mounts: str) -> str:
    """The type of the file system that a directory is on, by a list of mounts as in /proc/self/mounts."""
    found = (line.split()[1:3] for line in mounts.splitlines())
    places = {Path(place.replace("\\040", " ")): kind for place, kind in found}
    directory = directory.resolve()
    return next((places[above] for above in (directory, *directory.parents) if above in places), "")


def _mounts() -> str:
    mounts = Path("/proc/self/mounts")
    return mounts.read_text() if mounts.exists() else ""


def _look_round(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreUnusable("is in no directory that there is; make it, or name another file")
    if path.is_dir():
        raise StoreUnusable("is a directory; name a file in it")
    if (kind := file_system(path.parent, _mounts())) in NETWORKS:
        raise StoreUnusable(f"is on a network file system ({kind}); name a file on a disk of this machine")


def _examine(path: Path) -> None:
    """See that the file is ours and whole, without writing: SQLite would tidy up after a crash as it closes."""
    log, journal = path.with_name(path.name + "-wal"), path.with_name(path.name + "-journal")
    was_closed = not log.exists() or not log.stat().st_size
    # A journal is there if the making of the file was broken off: nothing can be read before it is rolled back.
    url = f"{path.absolute().as_uri()}?mode={'rw' if was_closed or journal.exists() else 'ro'}"
    with closing(sqlite3.connect(url, timeout=PATIENCE_SECONDS, uri=True)) as connection:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if tables and application != APPLICATION:
            raise StoreUnusable("is the database of another program; name another file")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreUnusable(
                f"was made by a newer version of the service: its format is {version}, "
                f"this one knows up to {len(MIGRATIONS)}; run the newer one, or name another file"
            )
        (pages,), (size,) = (connection.execute(f"PRAGMA page_{what}").fetchone() for what in ("count", "size"))
        (fault,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if was_closed and path.stat().st_size < pages * size:
            fault = "its end is missing"
        if fault != "ok":
            raise StoreUnusable(f"{_WRONG[sqlite3.SQLITE_CORRUPT]} ({fault.splitlines()[-1]})")


def _make_ready(connection: sqlite3.Connection, tables: Iterable[Table]) -> None:
    connection.text_factory = str
    (mode,) = patiently(connection, "PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreUnusable("cannot have a write-ahead log where it is; name a file on a disk of this machine")
    patiently(connection, "BEGIN IMMEDIATE")
    migrate(connection)
    for table in tables:
        fit(connection, table)
    connection.execute("COMMIT")


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
