"""The PostgreSQL store while its server is killed, stopped or restarted, or rejects connections."""

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
    """A server that the tests may kill."""
    server = Server(wal_level="replica", max_wal_senders="1")  # allows commits that wait for a standby
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(server: Server) -> Iterator[str]:
    """The URL of an empty database, and a role `guarded` that needs a password."""
    execute(server.url, "CREATE ROLE guarded LOGIN PASSWORD 'right' CONNECTION LIMIT 3")
    yield server.url
    execute(server.url, "DROP SCHEMA IF EXISTS shipyard CASCADE", "DROP OWNED BY guarded CASCADE", "DROP ROLE guarded")


async def until_unavailable(attempt: Callable[[], Awaitable[object]]) -> StoreUnavailable:
    """Return the first StoreUnavailable that repeated attempts raise."""
    async with asyncio.timeout(20):
        while True:
            try:
                await attempt()
            except StoreUnavailable as error:
                return error


@contextmanager
def stopped(processes: list[int]) -> Iterator[None]:
    """Stop these processes for the block, without closing their connections."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def set_standby(admin: Any, name: str) -> None:
    """Make commits wait for the standby with this name, or for none."""
    await admin.execute("SET synchronous_commit = local")
    await admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    await admin.execute("SELECT pg_reload_conf()")
    shown = "SELECT setting = $1 FROM pg_settings WHERE name = 'synchronous_standby_names'"
    await until(lambda: admin.fetchval(shown, name))
    await asyncio.sleep(0.1)  # for the other backends, which reload the settings later


async def add_ships(store: PostgresStore, name: str, added: list[Record], errors: list[StoreUnavailable]) -> None:
    count = 0
    while True:
        count += 1
        try:
            added.append(await store.add(SHIPS, {"model": f"{name} {count}"}))
        except StoreUnavailable as error:
            errors.append(error)
            await asyncio.sleep(0.01)


async def test_acknowledged_writes_survive_crashes_of_the_server_under_load(
    open_postgres: OpenPostgres, server: Server
) -> None:
    store = await open_postgres(SHIPS)
    added: list[Record] = []
    errors: list[StoreUnavailable] = []
    writers = [asyncio.create_task(add_ships(store, str(each), added, errors)) for each in range(8)]
    for round in range(3):
        for count in range(50):
            added.append(await store.add(SHIPS, {"model": f"own {round} {count}"}))
        await asyncio.to_thread(server.kill)
        await until_unavailable(lambda: store.get(SHIPS, 1))
        await until_unavailable(lambda: store.find(SHIPS, Query()))
        await until_unavailable(lambda: store.revoked("key"))
        await asyncio.to_thread(server.start)
        await until(lambda: store.get(SHIPS, 1))
    for writer in writers:
        writer.cancel()
    await asyncio.wait(writers)
    assert errors
    stored = {record async for record, _ in store.scan(SHIPS)}
    assert set(added) <= stored
    ids = [record.id for record in added]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("key", [None, IdempotencyKey("key", "fingerprint", 2**40)])
async def test_a_commit_without_acknowledgement_has_an_unknown_outcome_and_is_not_repeated_with_a_key(
    open_postgres: OpenPostgres, postgres_admin: Any, key: IdempotencyKey | None
) -> None:
    store = await open_postgres(SHIPS)
    await store.write(Revoke("first", 0))
    await set_standby(postgres_admin, "missing")  # commits are written, then wait for a standby that does not exist
    try:
        adding_one = asyncio.create_task(store.add(SHIPS, {"model": "A"}, key))
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        await until(lambda: postgres_admin.fetchval(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS backends"))
        with pytest.raises(StoreUnavailable) as raised:
            await adding_one
    finally:
        await set_standby(postgres_admin, "")
    assert raised.value.unknown
    page = await store.find(SHIPS, Query())
    assert page.total == 1
    if key is not None:
        assert await store.add(SHIPS, {"model": "A"}, key) == page.records[0]
        assert (await store.find(SHIPS, Query())).total == 1


async def test_ping_raises_while_the_server_is_down(open_postgres: OpenPostgres, server: Server) -> None:
    store = await open_postgres(SHIPS)
    await store.ping()
    await asyncio.to_thread(server.kill)
    await until_unavailable(store.ping)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await store.ping()
    await asyncio.to_thread(server.start)
    await until(lambda: returns(store.ping))


async def test_ping_raises_while_the_server_hangs(
    open_postgres: OpenPostgres, server: Server, postgres_admin: Any
) -> None:
    store = await open_postgres(SHIPS, timeout=0.2)
    await store.ping()
    hanging = [server.process, *[row["pid"] for row in await postgres_admin.fetch(BACKENDS)]]
    with stopped(hanging), pytest.raises(StoreUnavailable):
        await store.ping()
    await until(lambda: returns(store.ping))


async def returns(call: Callable[[], Awaitable[None]]) -> bool:
    await call()
    return True


async def test_open_waits_for_a_server_that_is_starting(open_postgres: OpenPostgres, server: Server) -> None:
    await asyncio.to_thread(server.kill)
    opening = asyncio.ensure_future(open_postgres(SHIPS, patience=30))
    await asyncio.sleep(0)
    await asyncio.to_thread(server.start)
    store = await opening
    assert await store.add(SHIPS, {"model": "A"})


async def test_calls_on_a_server_that_hangs_time_out(
    open_postgres: OpenPostgres, server: Server, postgres_admin: Any
) -> None:
    store = await open_postgres(SHIPS, timeout=3600)
    await store.add(SHIPS, {"model": "A"})
    await asyncio.gather(*[store.lookup(SHIPS, "a") for _ in range(8)])
    hanging = [server.process, *[row["pid"] for row in await postgres_admin.fetch(BACKENDS)]]
    with stopped(hanging):
        errors = await asyncio.gather(
            until_unavailable(lambda: store.get(SHIPS, 1)),
            until_unavailable(lambda: store.find(SHIPS, Query())),
            until_unavailable(lambda: store.replace(SHIPS, 1, {"model": "B"})),
            until_unavailable(lambda: store.revoked("key")),
            until_unavailable(store.ping),
        )
    assert [error.unknown for error in errors] == [False, False, True, False, False]
    await until(lambda: store.get(SHIPS, 1))


async def test_a_revoked_key_is_reported_although_the_listening_connection_hangs(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    hanging = await open_postgres(SHIPS)
    await until(lambda: listening(postgres_admin))
    with stopped([row["pid"] for row in await postgres_admin.fetch(BACKENDS)]):
        other = await open_postgres(SHIPS)
        await other.write(Revoke("key", 2**40))
        await until(lambda: hanging.revoked("key"))
    assert await hanging.revoked("key")


async def listening(postgres_admin: Any) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shipyard' AND query = 'SELECT 1'"
    return bool(await postgres_admin.fetchval(query))


async def test_revoked_raises_while_the_server_is_down_unless_the_key_is_known_to_be_revoked(
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
    await until(lambda: is_current(store))


async def is_current(store: PostgresStore) -> bool:
    return not await store.revoked("other")


async def test_a_lost_connection_is_replaced(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    store = await open_postgres(SHIPS)
    await store.add(SHIPS, {"model": "A"})
    for _ in range(5):
        await postgres_admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) AS backends")
        await until(lambda: store.get(SHIPS, 1))
        await until(lambda: store.lookup(SHIPS, "a"))


@pytest.mark.parametrize(("user", "reason"), [("guarded:wrong", "password"), ("missing:x", "does not exist")])
async def test_a_wrong_user_or_password_is_reported_without_retries(
    open_postgres: OpenPostgres, user: str, reason: str
) -> None:
    with pytest.raises(StoreUnusable, match=reason) as raised:
        await open_postgres(SHIPS, user=user, patience=3600)
    assert "wrong" not in str(raised.value)


async def test_a_role_that_may_not_create_tables_is_rejected(open_postgres: OpenPostgres) -> None:
    with pytest.raises(StoreUnusable, match="permission denied"):
        await open_postgres(SHIPS, user="guarded:right")


async def test_calls_above_the_connection_limit_of_the_role_raise_and_the_others_succeed(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    await postgres_admin.execute("GRANT CREATE ON DATABASE postgres TO guarded")
    store = await open_postgres(SHIPS, user="guarded:right")
    await store.add(SHIPS, {"model": "A"})
    results = await asyncio.gather(*[store.lookup(SHIPS, "a") for _ in range(40)], return_exceptions=True)
    assert {type(result) for result in results} >= {Record}
    assert all(isinstance(result, (Record, StoreUnavailable)) for result in results)
    assert any(isinstance(result, StoreUnavailable) for result in results)
    assert await store.lookup(SHIPS, "a")
