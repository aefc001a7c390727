"""The errors of the PostgreSQL store, as a healthy server can be made to cause them."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import asyncpg
import pytest

from service.store.base import (
    Add,
    Collection,
    DuplicateValue,
    IdempotencyKey,
    Operation,
    Query,
    Replace,
    Revoke,
    StorageFull,
    StoreUnavailable,
)
from service.store.postgres.errors import translate_errors
from service.store.postgres.pool import Pool
from tests.support.postgres import OpenPostgres, until

SHIPS = Collection("ships", unique="model")
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'shipyard' AND datname = current_database()"


def ship(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "crew": 1, **more}


CREATE_TRIGGER = """
    CREATE SEQUENCE shipyard.tries;
    CREATE FUNCTION shipyard.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('shipyard.tries') <= {times} THEN RAISE EXCEPTION 'failed' USING ERRCODE = '{code}'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER fail BEFORE INSERT ON shipyard.records_ships FOR EACH ROW EXECUTE FUNCTION shipyard.fail();
"""


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("53100", StorageFull),
        ("25006", StoreUnavailable),
        ("40001", StoreUnavailable),
        ("40P01", StoreUnavailable),
        ("53200", StoreUnavailable),
        ("55P03", StoreUnavailable),
        ("57014", StoreUnavailable),
        ("57P01", StoreUnavailable),
        ("58030", StoreUnavailable),
    ],
)
async def test_errors_of_the_server_are_raised_as_exceptions_of_the_contract(
    open_postgres: OpenPostgres, postgres_admin: Any, code: str, error: type[Exception], together: bool
) -> None:
    store = await open_postgres(SHIPS)
    await store.write(Revoke("first", 0))
    await postgres_admin.execute(CREATE_TRIGGER.format(code=code, times=1000))
    with pytest.raises(error) as raised:
        await store.write(Add(SHIPS, ship("A")), *[Revoke("key", 2**40)] * together)
    assert not (isinstance(raised.value, StoreUnavailable) and raised.value.unknown) or code == "57P01"
    assert not await store.revoked("key")
    assert await postgres_admin.fetchval("SELECT last_value FROM shipyard.tries") == (4 if code.startswith("40") else 1)
    await postgres_admin.execute("DROP TRIGGER fail ON shipyard.records_ships")
    assert await store.add(SHIPS, ship("A"))


async def test_conflicting_writes_are_retried(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    store = await open_postgres(SHIPS)
    await store.add(SHIPS, ship("A"))
    await postgres_admin.execute(CREATE_TRIGGER.format(code="40001", times=3))
    assert await store.add(SHIPS, ship("B"))


async def test_writes_of_the_same_records_in_different_orders_do_not_deadlock(
    open_postgres: OpenPostgres,
) -> None:
    store = await open_postgres(SHIPS)
    await store.write(*[Add(SHIPS, ship(f"{id}")) for id in range(1, 21)])
    changes = [Replace(SHIPS, id, ship(f"{id}", crew=2)) for id in range(1, 21)]
    writes = [store.write(*Random(seed).sample(changes, 20)) for seed in range(30)]
    assert len(await asyncio.gather(*writes)) == 30


async def test_a_duplicate_name_is_rejected_without_waiting_for_a_lock_on_its_record(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    store = await open_postgres(SHIPS, timeout=1)
    await store.write(Add(SHIPS, ship("A")), Add(SHIPS, ship("B")))
    async with postgres_admin.transaction():
        await postgres_admin.execute("UPDATE shipyard.records_ships SET revision = revision WHERE id = 2")
        for operation in (Replace(SHIPS, 1, ship("B")), Add(SHIPS, ship("B"))):
            with pytest.raises(DuplicateValue):
                await store.write(operation)


@pytest.mark.parametrize("error", [ConnectionResetError, TimeoutError, asyncpg.InterfaceError])
@pytest.mark.parametrize("committing", [False, True])
def test_an_error_of_the_connection_leaves_the_outcome_unknown_only_during_a_commit(
    error: type[Exception], committing: bool
) -> None:
    with pytest.raises(StoreUnavailable) as raised, translate_errors(committing=committing):
        raise error("lost")
    assert raised.value.unknown == committing


SLOW_COMMIT = """
    CREATE FUNCTION shipyard.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_sleep(60); RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON shipyard.records_ships
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shipyard.wait();
"""
SLEEPING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@pytest.mark.parametrize("key", [None, IdempotencyKey("key", "fingerprint", 2**40)])
async def test_a_connection_lost_during_a_commit_leaves_the_outcome_unknown(
    open_postgres: OpenPostgres, postgres_admin: Any, key: IdempotencyKey | None
) -> None:
    store = await open_postgres(SHIPS)
    await store.write(Revoke("first", 0))
    await postgres_admin.execute(SLOW_COMMIT)
    adding = asyncio.create_task(store.add(SHIPS, {"model": "A"}, key))
    await until(lambda: postgres_admin.fetchval(f"SELECT pg_terminate_backend(pid) FROM ({SLEEPING}) AS backends"))
    with pytest.raises(StoreUnavailable) as raised:
        await adding
    assert raised.value.unknown
    await postgres_admin.execute("DROP TRIGGER slow ON shipyard.records_ships")
    for _ in range(2):
        if key is not None:
            await until(lambda: store.add(SHIPS, {"model": "A"}, key))
    assert (await store.find(SHIPS, Query())).total == (0 if key is None else 1)


async def test_the_outcome_is_known_if_the_connection_is_lost_before_the_commit(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    store = await open_postgres(SHIPS, timeout=60)
    await store.add(SHIPS, {"model": "A"})
    async with postgres_admin.transaction():
        await postgres_admin.execute("SELECT FROM shipyard.records_ships FOR UPDATE")
        changes: list[Operation] = [Replace(SHIPS, 1, {"model": "B"}), Add(SHIPS, {"model": "C"})]
        writing = asyncio.create_task(store.write(*changes))
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await until(lambda: postgres_admin.fetchval(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS backends"))
        with pytest.raises(StoreUnavailable) as raised:
            await writing
    assert not raised.value.unknown


async def test_connections_are_acquired_in_the_order_of_the_calls(postgres_url: str) -> None:
    pool = Pool(f"{postgres_url}?pool=1")
    await pool.open()
    order = []

    async def use(number: int) -> None:
        for _ in range(3):
            async with pool.connection():
                order.append(number)

    await asyncio.gather(*[use(number) for number in range(5)])
    await pool.close()
    assert order == [*range(5)] * 3


async def test_waiting_for_a_connection_times_out(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    store = await open_postgres(SHIPS, pool=2, timeout=60)
    await store.add(SHIPS, {"model": "A"})
    async with postgres_admin.transaction():
        await postgres_admin.execute("LOCK TABLE shipyard.records_ships")
        holders = [asyncio.create_task(store.lookup(SHIPS, "a")) for _ in range(2)]
        readers = [store.get(SHIPS, 1) for _ in range(25)] + [store.lookup(SHIPS, "a") for _ in range(25)]
        results = await asyncio.gather(*readers, return_exceptions=True)
        assert {type(result) for result in results} == {StoreUnavailable}
    assert all(await asyncio.gather(*holders))
    assert await store.get(SHIPS, 1)


async def test_a_long_statement_times_out(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    store = await open_postgres(SHIPS, timeout=0.1)
    await store.add(SHIPS, {"model": "A"})
    async with postgres_admin.transaction():
        await postgres_admin.execute("LOCK TABLE shipyard.records_ships")
        with pytest.raises(StoreUnavailable, match="The statement timed out"):
            await store.find(SHIPS, Query())
    assert await store.get(SHIPS, 1)


async def test_a_read_only_database_is_unavailable_for_writes_only(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    store = await open_postgres(SHIPS)
    await store.add(SHIPS, {"model": "A"})
    database = await postgres_admin.fetchval("SELECT quote_ident(current_database())")
    await postgres_admin.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    try:
        await postgres_admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) AS backends")
        await until(lambda: store.get(SHIPS, 1))
        await asyncio.gather(*[store.lookup(SHIPS, "a") for _ in range(10)])
        with pytest.raises(StoreUnavailable, match="The database is read-only"):
            await store.add(SHIPS, {"model": "B"})
    finally:
        await postgres_admin.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    # After one error, all connections from before it are replaced.
    assert await asyncio.gather(*[store.add(SHIPS, {"model": f"B{count}"}) for count in range(10)])
