from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from service.store import postgres_schema
from service.store.base import (
    Add,
    Collection,
    Condition,
    Field,
    Full,
    Once,
    Query,
    Replace,
    Revoke,
    Sort,
    Stale,
    Taken,
    Unavailable,
    Unusable,
)
from service.store.postgres import PostgresStore
from service.store.postgres_query import statement
from tests.postgres import execute

SHIPS = Collection(
    "ships",
    unique="model",
    indexed=(Field("crew", "number"), Field("category", "text"), Field("old", "boolean"), Field("roles", "texts")),
)
Open = Callable[..., Awaitable[PostgresStore]]


@pytest.fixture
async def opened(postgres_url: str) -> AsyncIterator[Open]:
    """`await opened()`: one more instance on the database; `options` go into its URL."""
    stores: list[PostgresStore] = []

    async def one_more(options: str = "", url: str = postgres_url) -> PostgresStore:
        store = PostgresStore(url + options, patience=0)
        stores.append(store)
        await store.open([SHIPS])
        return store

    yield one_more
    for store in stores:
        await store.close()


@pytest.fixture
async def admin(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Return when it holds; the database being away is no answer."""
    async with asyncio.timeout(20):
        while True:
            try:
                if await holds():
                    return
            except Unavailable:
                pass
            await asyncio.sleep(0.01)


def ship(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "crew": 1, **more}


def test_the_name_shows_no_password() -> None:
    assert PostgresStore("postgresql://user:pass@word@host:1/base?pool=2").name == "postgresql://user@host:1/base"
    assert PostgresStore("postgresql:///base?host=/run&password=secret").name == "postgresql:///base"


@pytest.mark.parametrize("options", ["pool=0", "pool=x", "pool=", "timeout=x", "timeout=0", "timeout=nan"])
def test_a_wrong_option_is_refused(options: str) -> None:
    with pytest.raises(Unusable, match="pool is a whole number from 1 and timeout a number of seconds"):
        PostgresStore(f"postgresql://host/base?{options}")


async def test_a_missing_database_is_refused_at_once(postgres_url: str) -> None:
    store = PostgresStore(urlsplit(postgres_url)._replace(path="/nothing").geturl(), patience=3600)
    with pytest.raises(Unusable, match='database "nothing" does not exist'):
        await store.open([])


async def test_a_database_in_another_encoding_is_refused(postgres_server: str) -> None:
    execute(postgres_server, "CREATE DATABASE odd TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(Unusable, match="LATIN1"):
            await PostgresStore(urlsplit(postgres_server)._replace(path="/odd").geturl()).open([])
    finally:
        execute(postgres_server, "DROP DATABASE odd WITH (FORCE)")


async def test_a_database_nobody_serves_is_refused_after_patience_has_ended() -> None:
    with pytest.raises(Unusable, match=r"cannot be reached at postgresql://127\.0\.0\.1:1/base"):
        await PostgresStore("postgresql://127.0.0.1:1/base", patience=0.2).open([])


async def test_a_newer_version_is_refused_and_both_are_named(opened: Open, admin: Any) -> None:
    await (await opened()).add(SHIPS, ship("A"))
    await admin.execute("UPDATE shipyard.state SET version = 99")
    with pytest.raises(Unusable, match=f"its version is 99, this one knows {len(postgres_schema.MIGRATIONS)}"):
        await opened()


async def test_an_older_version_is_brought_up_to_date(
    opened: Open, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await opened()).add(SHIPS, ship("A"))
    later = (*postgres_schema.MIGRATIONS, "CREATE TABLE shipyard.later ()")
    monkeypatch.setattr(postgres_schema, "MIGRATIONS", later)
    stores = await asyncio.gather(*[opened() for _ in range(4)])
    assert await stores[0].get(SHIPS, 1)
    assert await admin.fetchval("SELECT version FROM shipyard.state") == len(later)
    assert await admin.fetchval("SELECT to_regclass('shipyard.later')")


async def test_eight_instances_may_open_an_empty_database_at_once(opened: Open) -> None:
    stores = await asyncio.gather(*[opened() for _ in range(8)])
    seeded = await asyncio.gather(*[store.seed([Add(SHIPS, ship("A"))]) for store in stores])
    assert sorted(seeded) == [False] * 7 + [True]
    added = await asyncio.gather(*[store.add(SHIPS, ship(str(count))) for count, store in enumerate(stores)])
    assert sorted(record.id for record in added) == list(range(2, 10))


async def test_a_name_goes_to_one_of_two_instances(opened: Open) -> None:
    stores = [await opened(), await opened()]
    for count in range(20):
        answers = await asyncio.gather(*[each.add(SHIPS, ship(f"{count}")) for each in stores], return_exceptions=True)
        assert [type(answer) for answer in answers].count(Taken) == 1


async def test_a_revision_is_replaced_by_one_of_two_instances(opened: Open) -> None:
    stores = [await opened(), await opened()]
    record = await stores[0].add(SHIPS, ship("A"))
    for count in range(20):
        tries = [each.replace(SHIPS, 1, ship("A", crew=count), record.revision) for each in stores]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        stale = [answer for answer in answers if isinstance(answer, Stale)]
        (kept,) = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert [each.current for each in stale] == [kept]
        assert kept.revision > record.revision
        record = kept


async def answers_from_memory(store: PostgresStore, admin: Any, key: str = "nothing") -> bool:
    """Whether it answers while nobody can read the table."""
    async with admin.transaction():
        await admin.execute("LOCK TABLE shipyard.revocations")
        return await store.revoked(key) or key == "nothing"


async def test_an_instance_hears_what_another_revokes(opened: Open, admin: Any) -> None:
    one, other = await opened(), await opened("?timeout=0.1")
    await until(lambda: answers_from_memory(other, admin))
    await one.write(Revoke("key", 2**40))
    await until(lambda: answers_from_memory(other, admin, "key"))


async def test_a_store_knows_what_was_revoked_before_it_was_opened(opened: Open, admin: Any) -> None:
    await (await opened()).write(Revoke("key", 2**40))
    other = await opened("?timeout=0.1")
    assert await other.revoked("key")
    await until(lambda: answers_from_memory(other, admin))
    assert await answers_from_memory(other, admin, "key")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query(where=(Condition(Field("crew", "number"), "eq", (7,)),)), "index_ships_crew_number"),
        (Query(where=(Condition(Field("crew", "number"), "lt", (3,)),)), "index_ships_crew_number"),
        (Query(where=(Condition(Field("category", "text"), "eq", ("7", "8")),)), "index_ships_category_text"),
        (Query(where=(Condition(Field("old", "boolean"), "eq", (True,)),), limit=5), "index_ships_old_boolean"),
        (Query(where=(Condition(Field("roles", "texts"), "has", ("7",)),)), "index_ships_roles_texts"),
        (Query(sort=(Sort(Field("category", "text")),), limit=5), "index_ships_category_text"),
        (Query(sort=(Sort(Field("crew", "number"), descending=True),), limit=5), "index_ships_crew_number"),
        (Query(where=(Condition(Field("id", "number"), "eq", (7, 8)),)), "id_ships"),
        (Query(after=2990), "id_ships"),
    ],
)
async def test_a_query_uses_the_declared_index(opened: Open, admin: Any, query: Query, index: str) -> None:
    store = await opened()
    each = [ship(f"{n}", crew=n, category=f"{n}", old=n % 100 == 0, roles=[f"{n}"]) for n in range(3000)]
    await store.write(*[Add(SHIPS, data) for data in each])
    await admin.execute("ANALYZE")
    sql, arguments = statement(SHIPS, query)
    plan = await admin.fetch(f"EXPLAIN {sql}", *arguments)
    assert any(index in line for (line,) in plan), plan


async def test_an_index_declared_later_is_made(opened: Open, admin: Any, postgres_url: str) -> None:
    await (await opened()).add(SHIPS, ship("A", length=3))
    store = PostgresStore(postgres_url)
    await store.open([Collection("ships", unique="model", indexed=(Field("length", "number"),))])
    await store.close()
    assert await admin.fetchval("SELECT to_regclass('shipyard.index_ships_length_number')")


async def test_keys_longer_than_an_index_takes_are_kept_apart(opened: Open) -> None:
    store, long = await opened(), "x" * 10_000
    await store.write(Add(SHIPS, ship(f"{long}1")), Revoke(f"{long}1", 2**40), once=Once(f"{long}1", "", 2**40))
    with pytest.raises(Taken):
        await store.add(SHIPS, ship(f"{long}1"), Once(f"{long}2", "", 2**40))
    assert await store.lookup(SHIPS, f"{long}1")
    assert await store.lookup(SHIPS, f"{long}2") is None
    assert await store.revoked(f"{long}1")
    assert not await store.revoked(f"{long}2")


RAISE = """
    CREATE SEQUENCE shipyard.tries;
    CREATE FUNCTION shipyard.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('shipyard.tries') <= {times} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON shipyard.records_ships FOR EACH ROW EXECUTE FUNCTION shipyard.refuse();
"""


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("53100", Full),
        ("25006", Unavailable),
        ("40001", Unavailable),
        ("40P01", Unavailable),
        ("53200", Unavailable),
        ("55P03", Unavailable),
        ("57014", Unavailable),
        ("57P01", Unavailable),
        ("58030", Unavailable),
    ],
)
async def test_what_the_server_refuses_is_said_in_words_of_the_promise(
    opened: Open, admin: Any, code: str, refusal: type[Exception], together: bool
) -> None:
    store = await opened()
    await store.write(Revoke("first", 0))
    await admin.execute(RAISE.format(code=code, times=1000))
    with pytest.raises(refusal) as raised:
        await store.write(Add(SHIPS, ship("A")), *[Revoke("key", 2**40)] * together)
    assert not (isinstance(raised.value, Unavailable) and raised.value.unknown) or code == "57P01"
    assert not await store.revoked("key")
    assert await admin.fetchval("SELECT last_value FROM shipyard.tries") == (4 if code.startswith("40") else 1)
    await admin.execute("DROP TRIGGER refuse ON shipyard.records_ships")
    assert await store.add(SHIPS, ship("A"))


async def test_writes_in_each_others_way_are_tried_again(opened: Open, admin: Any) -> None:
    store = await opened()
    await store.write(Add(SHIPS, ship("A")), Add(SHIPS, ship("B")))
    await admin.execute(RAISE.format(code="40001", times=3))
    assert await store.add(SHIPS, ship("C"))
    both = [Replace(SHIPS, 1, ship("A", crew=2)), Replace(SHIPS, 2, ship("B", crew=2))]
    await asyncio.gather(*[store.write(*order) for order in (both, both[::-1]) for _ in range(10)])
