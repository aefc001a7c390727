from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from service.store.base import Collection, IdempotencyKey, Query, Record, Revoke, StoreUnavailable, StoreUnusable
from service.store.postgres import PostgresStore
from tests.support.postgres import OpenPostgres, execute, until
from tests.support.postgres_server import Server

SHIPS = Collection("ships", unique="model")
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'shipyard' AND datname = current_database()"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that may be killed."""
    server = Server(wal_level="replica", max_wal_senders="1")  # so that a commit can be made to wait for a standby
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(server: Server) -> Iterator[str]:
    """Its database, empty; and a role that needs a password."""
    execute(server.url, "CREATE ROLE guarded LOGIN PASSWORD 'right' CONNECTION LIMIT 3")
    yield server.url
    execute(server.url, "DROP SCHEMA IF EXISTS shipyard CASCADE", "DROP OWNED BY guarded CASCADE", "DROP ROLE guarded")


async def until_unavailable(attempt: Callable[[], Awaitable[object]]) -> StoreUnavailable:
    """The first refusal."""
    async with asyncio.timeout(20):
        while True:
            try:
                await attempt()
            except StoreUnavailable as refusal:
                return refusal


@contextmanager
def stopped(processes: list[int]) -> Iterator[None]:
    """These processes answer nothing meanwhile, and close nothing."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def set_standby(admin: Any, name: str) -> None:
    """Let commits wait for the standby of this name, or for none."""
    await admin.execute("SET synchronous_commit = local")
    await admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    await admin.execute("SELECT pg_reload_conf()")
    shown = "SELECT setting = $1 FROM pg_settings WHERE name = 'synchronous_standby_names'"
    await until(lambda: admin.fetchval(shown, name))
    await asyncio.sleep(0.1)  # the other backends read the settings when they are next asked


async def adding(store: PostgresStore, name: str, kept: list[Record], refused: list[StoreUnavailable]) -> None:
    count = 0
    while True:
        count += 1
        try:
            kept.append(await store.add(SHIPS, {"model": f"{name} {count}"}))
        except StoreUnavailable as refusal:
            refused.append(refusal)
            await asyncio.sleep(0.01)


async def test_what_was_acknowledged_outlives_a_crash_under_load(open_postgres: OpenPostgres, server: Server) -> None:
    store = await open_postgres(SHIPS)
    kept: list[Record] = []
    refused: list[StoreUnavailable] = []
    writers = [asyncio.create_task(adding(store, str(each), kept, refused)) for each in range(8)]
    for round in range(3):
        for count in range(50):
            kept.append(await store.add(SHIPS, {"model": f"own {round} {count}"}))
        await asyncio.to_thread(server.kill)
        await until_unavailable(lambda: store.get(SHIPS, 1))
        await until_unavailable(lambda: store.find(SHIPS, Query()))
        await until_unavailable(lambda: store.revoked("key"))
        await asyncio.to_thread(server.start)
        await until(lambda: store.get(SHIPS, 1))
    for writer in writers:
        writer.cancel()
    await asyncio.wait(writers)
    assert refused
    there = {record async for record, _ in store.scan(SHIPS)}
    assert set(kept) <= there
    ids = [record.id for record in kept]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("once", [None, IdempotencyKey("key", "fingerprint", 2**40)])
async def test_a_write_kept_but_never_acknowledged_has_an_unknown_outcome_and_is_not_made_twice(
    open_postgres: OpenPostgres, postgres_admin: Any, once: IdempotencyKey | None
) -> None:
    store = await open_postgres(SHIPS)
    await store.write(Revoke("first", 0))
    await set_standby(postgres_admin, "nobody")  # a commit is kept here, then waits for a standby that never comes
    try:
        adding_one = asyncio.create_task(store.add(SHIPS, {"model": "A"}, once))
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        await until(lambda: postgres_admin.fetchval(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS backends"))
        with pytest.raises(StoreUnavailable) as raised:
            await adding_one
    finally:
        await set_standby(postgres_admin, "")
    assert raised.value.unknown
    page = await store.find(SHIPS, Query())
    assert page.total == 1
    if once is not None:
        assert await store.add(SHIPS, {"model": "A"}, once) == page.records[0]
        assert (await store.find(SHIPS, Query())).total == 1


async def test_an_instance_waits_at_its_start_for_the_server(open_postgres: OpenPostgres, server: Server) -> None:
    await asyncio.to_thread(server.kill)
    opening = asyncio.ensure_future(open_postgres(SHIPS, patience=30))
    await asyncio.sleep(0)
    await asyncio.to_thread(server.start)
    store = await opening
    assert await store.add(SHIPS, {"model": "A"})


async def test_answers_from_a_server_that_hangs_are_not_waited_for(
    open_postgres: OpenPostgres, server: Server, postgres_admin: Any
) -> None:
    store = await open_postgres(SHIPS, timeout=3600)
    await store.add(SHIPS, {"model": "A"})
    await asyncio.gather(*[store.lookup(SHIPS, "a") for _ in range(8)])
    hung = [server.process, *[row["pid"] for row in await postgres_admin.fetch(BACKENDS)]]
    with stopped(hung):
        refusals = await asyncio.gather(
            until_unavailable(lambda: store.get(SHIPS, 1)),
            until_unavailable(lambda: store.find(SHIPS, Query())),
            until_unavailable(lambda: store.replace(SHIPS, 1, {"model": "B"})),
            until_unavailable(lambda: store.revoked("key")),
            until_unavailable(store.ping),
        )
    assert [refusal.unknown for refusal in refusals] == [False, False, True, False, False]
    await until(lambda: store.get(SHIPS, 1))


async def test_a_listener_that_hangs_lets_no_revoked_key_pass(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    deaf = await open_postgres(SHIPS)
    await until(lambda: listening(postgres_admin))
    with stopped([row["pid"] for row in await postgres_admin.fetch(BACKENDS)]):
        other = await open_postgres(SHIPS)
        await other.write(Revoke("key", 2**40))
        await until(lambda: deaf.revoked("key"))
    assert await deaf.revoked("key")


async def listening(postgres_admin: Any) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shipyard' AND query = 'SELECT 1'"
    return bool(await postgres_admin.fetchval(query))


async def test_nothing_is_said_of_revoked_keys_while_nobody_can_know(
    open_postgres: OpenPostgres, server: Server
) -> None:
    store = await open_postgres(SHIPS)
    await store.write(Revoke("key", 2**40))
    await asyncio.to_thread(server.kill)
    await until_unavailable(lambda: store.revoked("other"))
    for _ in range(10):
        with pytest.raises(StoreUnavailable):
            await store.revoked("other")
    assert await store.revoked("key")
    await asyncio.to_thread(server.start)
    await until(lambda: answers(store))


async def answers(store: PostgresStore) -> bool:
    return not await store.revoked("other")


async def test_a_lost_connection_is_replaced(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    store = await open_postgres(SHIPS)
    await store.add(SHIPS, {"model": "A"})
    for _ in range(5):
        await postgres_admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) AS backends")
        await until(lambda: store.get(SHIPS, 1))
        await until(lambda: store.lookup(SHIPS, "a"))


@pytest.mark.parametrize(("user", "reason"), [("guarded:wrong", "password"), ("nobody:x", "does not exist")])
async def test_a_wrong_user_or_password_is_refused_at_once(open_postgres: OpenPostgres, user: str, reason: str) -> None:
    with pytest.raises(StoreUnusable, match=reason) as raised:
        await open_postgres(SHIPS, user=user, patience=3600)
    assert "wrong" not in str(raised.value)


async def test_a_user_who_may_make_no_tables_is_refused(open_postgres: OpenPostgres) -> None:
    with pytest.raises(StoreUnusable, match="permission denied"):
        await open_postgres(SHIPS, user="guarded:right")


async def test_too_many_connections_are_unavailable_and_the_others_work_on(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    await postgres_admin.execute("GRANT CREATE ON DATABASE postgres TO guarded")
    store = await open_postgres(SHIPS, user="guarded:right")
    await store.add(SHIPS, {"model": "A"})
    answers = await asyncio.gather(*[store.lookup(SHIPS, "a") for _ in range(40)], return_exceptions=True)
    assert {type(answer) for answer in answers} >= {Record}
    assert all(isinstance(answer, (Record, StoreUnavailable)) for answer in answers)
    assert any(isinstance(answer, StoreUnavailable) for answer in answers)
    assert await store.lookup(SHIPS, "a")
