"""Behaviour of the SQLite store only: locks, a full disk, other processes on the same file, the cache of reads."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.store.base import Add, Condition, Page, Query, Record, Revoke, StorageFull, StoreUnavailable
from service.store.sqlite import SQLiteStore
from service.store.sqlite import connection as sqlite_connection
from service.store.sqlite import reader as sqlite_reader
from service.store.sqlite.connection import connect
from service.store.sqlite.find import find
from service.store.sqlite.table import Table
from tests.support.collections import COLLECTIONS, LATER, TEXT, THINGS, USERS, user
from tests.support.sqlite_programs import ADD_FOREVER, ADD_HUNDRED, LOCK, opened, start


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    store = await opened(path, *COLLECTIONS)
    yield store
    await store.close()


async def test_closing_completes_writes_and_leaves_one_file_and_no_threads(path: Path) -> None:
    store = await opened(path, THINGS)
    writes = [asyncio.create_task(store.add(THINGS, {})) for _ in range(500)]
    await asyncio.sleep(0)
    await store.close()
    assert len({(await write).id for write in writes}) == 500
    assert list(path.parent.iterdir()) == [path]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sqlite")]


async def test_only_the_owner_can_read_the_files(store: SQLiteStore, path: Path) -> None:
    await store.add(USERS, user("a"))
    assert {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {
        "file.db": 0o600,
        "file.db-wal": 0o600,
        "file.db-shm": 0o600,
    }


async def test_a_closed_store_is_unavailable(path: Path) -> None:
    store = await opened(path, THINGS)
    await store.close()
    for attempt in (
        store.get(THINGS, 1),
        store.add(THINGS, {}),
        store.find(THINGS, Query()),
        anext(store.scan(THINGS)),
    ):
        with pytest.raises(StoreUnavailable):
            await attempt


async def test_ping_raises_while_a_table_is_missing(store: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("ALTER TABLE _state RENAME TO _missing")
        with pytest.raises(StoreUnavailable, match="no such table: _state"):
            await store.ping()
        other.execute("ALTER TABLE _missing RENAME TO _state")
    await asyncio.sleep(0)  # ends the shared transaction of the reads before
    await store.ping()


async def test_ping_raises_when_the_file_is_overwritten(store: SQLiteStore, path: Path) -> None:
    await store.add(THINGS, {})
    await store.ping()
    await asyncio.sleep(0)  # ends the shared transaction of the reads before
    with closing(
        sqlite3.connect(path, isolation_level=None)
    ) as other:  # invalidates the pages that the store has cached
        other.execute("UPDATE _state SET revision = revision + 1")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(b"\xa5" * path.stat().st_size)
    with pytest.raises(StoreUnavailable, match="SQLite: "):
        await store.ping()


async def test_writes_wait_for_a_lock_of_another_process_and_reads_do_not(store: SQLiteStore, path: Path) -> None:
    with start(path, LOCK) as locker:
        assert locker.stdout
        assert locker.stdin
        assert locker.stdout.readline() == "locked\n"
        writes = [asyncio.create_task(store.add(THINGS, {})) for _ in range(3)]
        assert await store.get(THINGS, 1) is None
        await store.ping()
        assert not any(write.done() for write in writes)
        locker.stdin.close()
        assert sorted([(await write).id for write in writes]) == [1, 2, 3]


async def test_writes_time_out_while_another_process_holds_the_lock_and_succeed_after_it(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_connection, "LOCK_TIMEOUT_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(store.add(THINGS, {}) for _ in range(3)), return_exceptions=True)
        assert [isinstance(result, StoreUnavailable) and result.retry_after for result in results] == [1, 1, 1]
        assert (await store.find(THINGS, Query())).total == 0
    assert (await store.add(THINGS, {})).id == 1


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Limit the size of files to little more than that of the write-ahead log."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_writes_to_a_full_disk_fail_without_effect_and_succeed_when_there_is_space(
    store: SQLiteStore, path: Path
) -> None:
    added = await store.add(THINGS, {"text": "added"})
    with full_disk(path):
        results = await asyncio.gather(
            *(store.add(THINGS, {"text": "x" * 3000}) for _ in range(9)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StorageFull] * 9
        with pytest.raises(StorageFull):
            await store.remove(THINGS, 1)
        assert await store.get(THINGS, 1) == added
        assert await store.find(THINGS, Query(where=(Condition(TEXT, "eq", ("added",)),))) == Page((added,), 1)
    assert (await store.add(THINGS, {})).id == 2
    assert (await store.find(THINGS, Query())).total == 2


async def test_an_operation_that_sqlite_rejects_does_not_affect_concurrent_writes(store: SQLiteStore) -> None:
    invalid = Revoke(None, LATER)  # type: ignore[arg-type]  # violates NOT NULL
    results = await asyncio.gather(
        store.add(THINGS, {}), store.write(Add(THINGS, {}), invalid), store.add(THINGS, {}), return_exceptions=True
    )
    assert [type(result) for result in results] == [Record, StoreUnavailable, Record]
    assert (await store.find(THINGS, Query())).total == 2


async def test_a_failed_transaction_releases_its_lock(store: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("ALTER TABLE _state RENAME TO _away")
        with pytest.raises(StoreUnavailable):
            await store.add(THINGS, {})
        other.execute("ALTER TABLE _away RENAME TO _state")
    assert (await store.add(THINGS, {})).id == 1


async def test_several_processes_on_one_new_file_share_ids_and_unique_names(path: Path) -> None:
    processes = [start(path, ADD_HUNDRED) for _ in range(3)]
    lines = [line for process in processes for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(lines) == sorted([f"things {id}" for id in range(1, 301)] + [f"users {id}" for id in range(1, 101)])


async def test_acknowledged_writes_survive_a_kill(path: Path) -> None:
    with start(path, ADD_FOREVER) as process:
        assert process.stdout
        acknowledged = [int(process.stdout.readline()) for _ in range(50)]
        process.kill()
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
    store = await opened(path, THINGS)
    assert all([await store.get(THINGS, id) for id in acknowledged])
    assert (await store.find(THINGS, Query())).total >= len(acknowledged)
    await store.close()


async def test_a_page_and_its_total_are_read_in_one_transaction(store: SQLiteStore, path: Path) -> None:
    await store.write(*(Add(THINGS, {"text": "a"}) for _ in range(1100)))
    query = Query((Condition(TEXT, "eq", ("a",)),), limit=5000)
    with closing(connect(path)) as reading, closing(sqlite3.connect(path, isolation_level=None)) as writing:
        add = "INSERT INTO things SELECT max(id) + 1, revision, body, key, hidden, folded FROM things"
        reading.set_trace_callback(lambda sql: writing.execute(add) and None)
        page = find(Table(THINGS), query, reading)
        reading.set_trace_callback(None)
        assert page.total == len(page.records) > 1100
        assert find(Table(THINGS), query, reading).total > page.total


async def test_cached_reads_are_never_outdated_whichever_process_writes(store: SQLiteStore, path: Path) -> None:
    other = await opened(path, *COLLECTIONS)
    try:
        for number in range(3):
            for writer, reader in ((other, store), (store, other), (store, store)):
                assert not await reader.revoked(f"{number}", "b")
                (added,) = await writer.write(Add(THINGS, {"text": "old"}))
                assert added is not None
                assert await reader.get(THINGS, added.id) == added
                assert (await reader.find(THINGS, Query())).records[-1] == added
                replaced = await writer.replace(THINGS, added.id, {"text": "new"})
                assert await reader.get(THINGS, added.id) == replaced
                page = await reader.find(THINGS, Query())
                assert (page.records[-1], page.total) == (replaced, len(page.records))
            await writer.write(Revoke(f"{number}", 2**40))
            assert await reader.revoked(f"{number}", "b")
    finally:
        await other.close()


async def test_the_cache_is_bounded(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "_MAX_CACHE_BYTES", 100_000)
    ids = [(await store.add(THINGS, {"text": "x" * 10_000})).id for _ in range(30)]
    tracemalloc.start()
    try:
        for _ in range(2):
            assert [record and record.id for record in [await store.get(THINGS, id) for id in ids]] == ids
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()


async def test_long_reads_do_not_block_the_event_loop(store: SQLiteStore) -> None:
    await store.write(*(Add(THINGS, {"text": f"{number}"}) for number in range(3000)))
    find = asyncio.create_task(store.find(THINGS, Query(search="29", searched=(TEXT,))))
    iterations = 0
    while not find.done():
        await store.get(THINGS, 1)
        await asyncio.sleep(0)
        iterations += 1
    assert (await find).total == 159
    assert iterations > 1
