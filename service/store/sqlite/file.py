"""Prepare a SQLite file for use: check its location and contents, then migrate it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from service.store.base import StoreUnusable
from service.store.sqlite.connection import LOCK_TIMEOUT_SECONDS, connect, execute_with_retry, primary_code
from service.store.sqlite.schema import APPLICATION_ID, MIGRATIONS, migrate, update_table
from service.store.sqlite.table import Table

NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs"}
"""File systems that do not support the shared memory that the write-ahead log needs."""

_REASONS = {
    sqlite3.SQLITE_NOTADB: "is not a SQLite database; use another file",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore a backup, or recover it with `sqlite3 <file> .recover`",
    sqlite3.SQLITE_READONLY: "is read-only; the service needs write access to the file and its directory",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; the service needs read and write access to the file and its directory",
    sqlite3.SQLITE_BUSY: "is locked by another process; stop that process, then start again",
    sqlite3.SQLITE_FULL: "cannot grow, because the disk is full; free some space",
}


def prepare(path: Path, tables: Iterable[Table]) -> None:
    """Create or migrate the file for these tables. Raises StoreUnusable and then leaves the file unchanged."""
    try:
        _check_location(path)
        if not path.exists():
            path.touch(0o600)  # it will contain password hashes
        elif path.stat().st_size:
            _check_contents(path)
        with closing(connect(path)) as connection:
            _migrate(connection, tables)
    except StoreUnusable as error:
        raise StoreUnusable(f"{path} {error}") from error.__cause__
    except (sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"{path} {_REASONS.get(primary_code(error), f'cannot be used: {error}')}") from error


def file_system_type(directory: Path, mounts: str) -> str:
    """Return the type of the file system of a directory; `mounts` is the content of /proc/self/mounts."""
    fields = (line.split()[1:3] for line in mounts.splitlines())
    types = {Path(mount_point.replace("\\040", " ")): type for mount_point, type in fields}
    directory = directory.resolve()
    return next((types[parent] for parent in (directory, *directory.parents) if parent in types), "")


def _mounts() -> str:
    mounts = Path("/proc/self/mounts")
    return mounts.read_text() if mounts.exists() else ""


def _check_location(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreUnusable("is in a directory that does not exist; create it, or use another file")
    if path.is_dir():
        raise StoreUnusable("is a directory; use a file in it")
    if (type := file_system_type(path.parent, _mounts())) in NETWORK_FILE_SYSTEMS:
        raise StoreUnusable(f"is on a network file system ({type}); use a file on a local disk")


def _check_contents(path: Path) -> None:
    """Check that the file belongs to this service and is intact, without changing it.

    The file is opened read-only, because SQLite would otherwise checkpoint the log of a crashed process on closing.
    """
    log, journal = path.with_name(path.name + "-wal"), path.with_name(path.name + "-journal")
    log_is_empty = not log.exists() or not log.stat().st_size
    # A rollback journal is left by a crash during the creation of the file, and is rolled back before the first read.
    mode = "rw" if log_is_empty or journal.exists() else "ro"
    url = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(url, timeout=LOCK_TIMEOUT_SECONDS, uri=True)) as connection:
        _check_format(connection)
        (pages,), (size,) = (connection.execute(f"PRAGMA page_{what}").fetchone() for what in ("count", "size"))
        (fault,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if log_is_empty and path.stat().st_size < pages * size:
            fault = "the end of the file is missing"
        if fault != "ok":
            raise StoreUnusable(f"{_REASONS[sqlite3.SQLITE_CORRUPT]} ({fault.splitlines()[-1]})")


def _check_format(connection: sqlite3.Connection) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise StoreUnusable("is the database of another program; use another file")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreUnusable(
            f"was written by a newer version of the service: its format is {version}, "
            f"this version supports up to {len(MIGRATIONS)}; run the newer version, or use another file"
        )


def _migrate(connection: sqlite3.Connection, tables: Iterable[Table]) -> None:
    connection.text_factory = str
    (mode,) = execute_with_retry(connection, "PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreUnusable("does not support a write-ahead log on its file system; use a file on a local disk")
    execute_with_retry(connection, "BEGIN IMMEDIATE")
    migrate(connection)
    for table in tables:
        update_table(connection, table)
    connection.execute("COMMIT")
