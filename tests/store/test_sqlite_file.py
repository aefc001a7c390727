"""Files that the SQLite store cannot use: each is rejected with a one-line message and left unchanged."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.store.base import Add, StoreUnusable
from service.store.sqlite import SQLiteStore
from service.store.sqlite.file import file_system_type
from tests.support.collections import COLLECTIONS, THINGS
from tests.support.sqlite_programs import ADD_FOREVER, opened, start


async def make(path: Path) -> None:
    """Create a file with several pages of records."""
    store = await opened(path, *COLLECTIONS)
    await store.write(*(Add(THINGS, {"text": f"{number}" * 99, "number": number}) for number in range(300)))
    await store.close()


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (id)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 3 * 4096])


def cut_within_a_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-77])


def overwritten(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:20000] + b"\xa5" * 9000 + whole[29000:])


def text(path: Path) -> None:
    path.write_text("hello\n" * 999)


def a_directory(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (text, "is not a SQLite database"),
        (truncated, "is damaged"),
        (cut_within_a_page, "is damaged"),
        (overwritten, "is damaged"),
        (newer, "its format is 99, this version supports up to 1"),
        (a_directory, "is a directory"),
    ],
)
async def test_an_unusable_file_is_rejected_with_one_line_and_left_unchanged(
    path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    await make(path)
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreUnusable) as caught:
        await SQLiteStore(path).open(COLLECTIONS)
    assert str(caught.value).startswith(f"{path} ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else None)
    assert list(path.parent.iterdir()) == [path]


async def test_the_database_of_another_program_is_rejected_and_left_unchanged(path: Path) -> None:
    foreign(path)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="is the database of another program"):
        await SQLiteStore(path).open(COLLECTIONS)
    assert path.read_bytes() == before


async def test_a_newer_file_that_was_not_closed_is_left_unchanged_with_its_log(path: Path) -> None:
    await make(path)
    with start(path, ADD_FOREVER) as process:
        assert process.stdout
        process.stdout.readline()
        newer(path)
        process.kill()
    before = {each.name: each.read_bytes() for each in path.parent.iterdir() if not each.name.endswith("-shm")}
    with pytest.raises(StoreUnusable, match="newer version"):
        await SQLiteStore(path).open(COLLECTIONS)
    assert before == {each.name: each.read_bytes() for each in path.parent.iterdir() if not each.name.endswith("-shm")}
    assert set(before) == {"file.db", "file.db-wal"}


async def test_a_rollback_journal_beside_a_log_is_rolled_back_first(path: Path, tmp_path: Path) -> None:
    store = await opened(path, THINGS)
    added = await store.add(THINGS, {"text": "added"})
    await store.close()
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM things")
        connection.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(i) AS (VALUES(1) UNION SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n"
        )
        for end in ("", "-journal"):
            (crashed / f"file.db{end}").write_bytes(path.with_name(f"file.db{end}").read_bytes())
    (crashed / "file.db-wal").write_bytes(bytes(32))
    again = await opened(crashed / "file.db", THINGS)
    assert await again.get(THINGS, added.id) == added
    await again.close()


async def test_a_missing_directory_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"no/file\.db is in a directory that does not exist"):
        await SQLiteStore(tmp_path / "no" / "file.db").open(COLLECTIONS)


async def test_a_read_only_file_is_rejected(path: Path) -> None:
    await make(path)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    with (
        unprivileged(path),
        pytest.raises(StoreUnusable, match=r"(is read-only|cannot be opened); the service needs"),
    ):
        await SQLiteStore(path).open(COLLECTIONS)
    path.parent.chmod(0o755)


@contextmanager
def unprivileged(path: Path) -> Iterator[None]:
    """Run the block as another user if the tests run as root, who can write every file."""
    if os.geteuid() != 0:
        yield
        return
    for parent in path.parents:
        if parent.is_relative_to(tempfile.gettempdir()):
            parent.chmod(parent.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_the_type_of_a_file_system_is_found_by_its_mount_point() -> None:
    mounts = "/dev/a / ext4 rw 0 0\nserver:/b /srv nfs4 rw 0 0\n/dev/c /srv/own\\040disk ext4 rw 0 0\n"
    assert file_system_type(Path("/srv/data"), mounts) == "nfs4"
    assert file_system_type(Path("/srv/own disk/data"), mounts) == "ext4"
    assert file_system_type(Path("/home"), mounts) == "ext4"
    assert file_system_type(Path("/home"), "") == ""
