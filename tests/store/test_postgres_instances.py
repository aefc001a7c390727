"""Several instances of the PostgreSQL store on one database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.store.base import Add, Collection, DuplicateValue, RevisionMismatch, Revoke, StoreUnavailable
from service.store.postgres import PostgresStore
from tests.support.postgres import OpenPostgres, until

SHIPS = Collection("ships", unique="model")


def ship(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "crew": 1, **more}


async def test_eight_instances_can_open_an_empty_database_concurrently(open_postgres: OpenPostgres) -> None:
    stores = await asyncio.gather(*[open_postgres(SHIPS) for _ in range(8)])
    seeded = await asyncio.gather(*[store.seed([Add(SHIPS, ship("A"))]) for store in stores])
    assert sorted(seeded) == [False] * 7 + [True]
    added = await asyncio.gather(*[store.add(SHIPS, ship(str(count))) for count, store in enumerate(stores)])
    assert sorted(record.id for record in added) == list(range(2, 10))


async def test_of_two_instances_that_add_the_same_name_one_succeeds(open_postgres: OpenPostgres) -> None:
    stores = [await open_postgres(SHIPS), await open_postgres(SHIPS)]
    for count in range(20):
        results = await asyncio.gather(*[each.add(SHIPS, ship(f"{count}")) for each in stores], return_exceptions=True)
        assert [type(result) for result in results].count(DuplicateValue) == 1


async def test_of_two_instances_that_replace_the_same_revision_one_succeeds(open_postgres: OpenPostgres) -> None:
    stores = [await open_postgres(SHIPS), await open_postgres(SHIPS)]
    record = await stores[0].add(SHIPS, ship("A"))
    for count in range(20):
        attempts = [each.replace(SHIPS, 1, ship("A", crew=count), record.revision) for each in stores]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        mismatches = [result for result in results if isinstance(result, RevisionMismatch)]
        (replaced,) = [result for result in results if not isinstance(result, BaseException)]
        assert [mismatch.current for mismatch in mismatches] == [replaced]
        assert replaced.revision > record.revision
        record = replaced


async def test_chosen_ids_and_generated_ids_never_collide(open_postgres: OpenPostgres) -> None:
    stores = [await open_postgres(SHIPS), await open_postgres(SHIPS)]
    ids: list[int] = []
    for round in range(1, 11):
        chosen = [Add(SHIPS, ship(f"{round} {n} chosen"), 1000 * round + n) for n in range(16)]
        for adds in (chosen, [Add(SHIPS, ship(f"{round} {n} generated")) for n in range(16)]):
            written = await asyncio.gather(*[stores[n % 2].write(add) for n, add in enumerate(adds)])
            ids += [record.id for (record,) in written if record]
    assert len(ids) == len(set(ids)) == 320


async def test_an_add_with_a_chosen_id_waits_for_concurrent_writes_to_the_table(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    store = await open_postgres(SHIPS, timeout=0.2)
    await store.add(SHIPS, ship("A"))
    async with postgres_admin.transaction():
        await postgres_admin.execute("UPDATE shipyard.records_ships SET revision = revision")
        assert await store.add(SHIPS, ship("B"))
        with pytest.raises(StoreUnavailable):
            await store.write(Add(SHIPS, ship("C"), 9))
    assert await store.write(Add(SHIPS, ship("C"), 9))


async def is_mirrored(store: PostgresStore, postgres_admin: Any, key: str = "nothing") -> bool:
    """Return whether the store knows about a key, or that its mirror is current, while the table is locked."""
    async with postgres_admin.transaction():
        await postgres_admin.execute("LOCK TABLE shipyard.revocations")
        return await store.revoked(key) or key == "nothing"


async def test_an_instance_is_notified_of_keys_that_another_revokes(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    one, other = await open_postgres(SHIPS), await open_postgres(SHIPS, timeout=0.1)
    await until(lambda: is_mirrored(other, postgres_admin))
    await one.write(Revoke("key", 2**40))
    await until(lambda: is_mirrored(other, postgres_admin, "key"))


async def test_keys_revoked_before_the_store_was_opened_are_mirrored(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    await (await open_postgres(SHIPS)).write(Revoke("key", 2**40))
    other = await open_postgres(SHIPS, timeout=0.1)
    assert await other.revoked("key")
    await until(lambda: is_mirrored(other, postgres_admin))
    assert await is_mirrored(other, postgres_admin, "key")
