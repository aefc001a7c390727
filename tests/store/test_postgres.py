"""The PostgreSQL store: URLs, opening, migration, limits of keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.store.base import (
    Add,
    Collection,
    Condition,
    DuplicateValue,
    Field,
    IdempotencyKey,
    Query,
    Revoke,
    StoreUnusable,
)
from service.store.postgres import PostgresStore
from service.store.postgres import schema as postgres_schema
from tests.support.postgres import OpenPostgres, execute

SHIPS = Collection("ships", unique="model", indexed=(Field("crew", "number"),))


def ship(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "crew": 1, **more}


def test_the_name_contains_no_password() -> None:
    assert PostgresStore("postgresql://user:pass@word@host:1/base?pool=2").name == "postgresql://user@host:1/base"
    assert PostgresStore("postgresql:///base?host=/run&password=secret").name == "postgresql:///base"


@pytest.mark.parametrize("options", ["pool=0", "pool=x", "pool=", "timeout=x", "timeout=0", "timeout=nan"])
def test_an_invalid_option_is_rejected(options: str) -> None:
    with pytest.raises(StoreUnusable, match="pool must be an integer of at least 1, timeout a number of seconds"):
        PostgresStore(f"postgresql://host/base?{options}")


async def test_a_missing_database_is_reported_without_retries(postgres_url: str) -> None:
    store = PostgresStore(urlsplit(postgres_url)._replace(path="/nothing").geturl(), patience=3600)
    with pytest.raises(StoreUnusable, match='database "nothing" does not exist'):
        await store.open([])


async def test_a_database_in_another_encoding_is_rejected(postgres_server: str) -> None:
    execute(postgres_server, "CREATE DATABASE odd TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(StoreUnusable, match="LATIN1"):
            await PostgresStore(urlsplit(postgres_server)._replace(path="/odd").geturl()).open([])
    finally:
        execute(postgres_server, "DROP DATABASE odd WITH (FORCE)")


async def test_an_unreachable_server_is_reported_after_the_patience_has_ended() -> None:
    with pytest.raises(StoreUnusable, match=r"Cannot connect to PostgreSQL at postgresql://127\.0\.0\.1:1/base"):
        await PostgresStore("postgresql://127.0.0.1:1/base", patience=0.2).open([])


async def test_a_newer_format_is_rejected_with_both_versions_in_the_message(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    await (await open_postgres(SHIPS)).add(SHIPS, ship("A"))
    await postgres_admin.execute("UPDATE shipyard.state SET version = 99")
    with pytest.raises(
        StoreUnusable, match=f"its format is 99, this version supports up to {len(postgres_schema.MIGRATIONS)}"
    ):
        await open_postgres(SHIPS)


async def test_an_older_format_is_migrated(
    open_postgres: OpenPostgres, postgres_admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await open_postgres(SHIPS)).add(SHIPS, ship("A"))
    later = (*postgres_schema.MIGRATIONS, "CREATE TABLE shipyard.later ()")
    monkeypatch.setattr(postgres_schema, "MIGRATIONS", later)
    stores = await asyncio.gather(*[open_postgres(SHIPS) for _ in range(4)])
    assert await stores[0].get(SHIPS, 1)
    assert await postgres_admin.fetchval("SELECT version FROM shipyard.state") == len(later)
    assert await postgres_admin.fetchval("SELECT to_regclass('shipyard.later')")


async def test_indexes_are_updated_to_the_declaration(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    await (await open_postgres(SHIPS)).add(SHIPS, ship("A", length=3))
    await open_postgres(Collection("ships", unique="model", indexed=(Field("length", "number"),)))
    indexes = await postgres_admin.fetch("SELECT indexname FROM pg_indexes WHERE tablename = 'records_ships'")
    assert {index for (index,) in indexes} == {"id_ships", "key_ships", "index_ships_length_number"}


async def test_rows_are_rewritten_when_unique_or_write_only_fields_change(open_postgres: OpenPostgres) -> None:
    before = Collection("people", unique="name", write_only=("password",))
    after = Collection("people", unique="mail", write_only=("mail", "phone"), indexed=(Field("password", "text"),))
    store = await open_postgres(before)
    first = await store.add(before, {"name": "É", "mail": "B@B", "password": "x", "phone": 5})
    await store.write(*[Add(before, {"name": f"{n}", "mail": f"{n - 1}@b", "password": "x"}) for n in range(2000)])
    await store.close()
    store = await open_postgres(after)
    found = await store.lookup(after, "b@b")
    assert found is not None
    assert (found.data, found.revision) == ({"id": 1, "password": "x", "name": "É"}, first.revision)
    assert await store.write_only_fields(after, 1) == {"mail": "B@B", "phone": 5}
    assert (await store.find(after, Query(search="b@b", searched=(Field("mail", "text"),)))).total == 0
    assert (
        await store.find(after, Query((Condition(Field("password", "text"), "eq", ("x",)),), limit=1))
    ).total == 2001
    assert (await store.add(after, {"name": "É", "mail": "other"})).id == 2002
    with pytest.raises(DuplicateValue):
        await store.add(after, {"name": "new", "mail": "1998@B"})
    with pytest.raises(StoreUnusable, match="Two records of people have the same name"):
        await open_postgres(before)
    with pytest.raises(StoreUnusable, match="people with id 1, phone is missing or not a text"):
        await open_postgres(Collection("people", unique="phone"))
    with pytest.raises(StoreUnusable, match="people with id 1, rank is missing or not a text"):
        await open_postgres(Collection("people", unique="rank"))


async def test_a_schema_of_another_program_is_rejected(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    await postgres_admin.execute("CREATE SCHEMA shipyard; CREATE TABLE shipyard.state (country text)")
    with pytest.raises(StoreUnusable, match='column "version" does not exist'):
        await open_postgres(SHIPS)


@pytest.mark.parametrize("error", [FileNotFoundError, TimeoutError])
async def test_exceptions_of_the_iterator_of_a_fill_are_not_translated(
    open_postgres: OpenPostgres, error: type[Exception]
) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        yield [Add(SHIPS, ship("A"))]
        raise error

    store = await open_postgres(SHIPS)
    with pytest.raises(error):
        await store.fill(batches())
    assert await store.is_new()


async def test_keys_longer_than_an_index_allows_are_distinguished(open_postgres: OpenPostgres) -> None:
    store, long = await open_postgres(SHIPS), "x" * 10_000
    await store.write(
        Add(SHIPS, ship(f"{long}1")), Revoke(f"{long}1", 2**40), idempotency_key=IdempotencyKey(f"{long}1", "", 2**40)
    )
    with pytest.raises(DuplicateValue):
        await store.add(SHIPS, ship(f"{long}1"), IdempotencyKey(f"{long}2", "", 2**40))
    assert await store.lookup(SHIPS, f"{long}1")
    assert await store.lookup(SHIPS, f"{long}2") is None
    assert await store.revoked(f"{long}1")
    assert not await store.revoked(f"{long}2")
