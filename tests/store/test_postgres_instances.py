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


async def test_eight_instances_may_open_an_empty_database_at_once(open_postgres: OpenPostgres) -> None:
    stores = await asyncio.gather(*[open_postgres(SHIPS) for _ in range(8)])
    seeded = await asyncio.gather(*[store.seed([Add(SHIPS, ship("A"))]) for store in stores])
    assert sorted(seeded) == [False] * 7 + [True]
    added = await asyncio.gather(*[store.add(SHIPS, ship(str(count))) for count, store in enumerate(stores)])
    assert sorted(record.id for record in added) == list(range(2, 10))


async def test_a_name_goes_to_one_of_two_instances(open_postgres: OpenPostgres) -> None:
    stores = [await open_postgres(SHIPS), await open_postgres(SHIPS)]
    for count in range(20):
        answers = await asyncio.gather(*[each.add(SHIPS, ship(f"{count}")) for each in stores], return_exceptions=True)
        assert [type(answer) for answer in answers].count(DuplicateValue) == 1


async def test_a_revision_is_replaced_by_one_of_two_instances(open_postgres: OpenPostgres) -> None:
    stores = [await open_postgres(SHIPS), await open_postgres(SHIPS)]
    record = await stores[0].add(SHIPS, ship("A"))
    for count in range(20):
        tries = [each.replace(SHIPS, 1, ship("A", crew=count), record.revision) for each in stores]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        stale = [answer for answer in answers if isinstance(answer, RevisionMismatch)]
        (kept,) = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert [each.current for each in stale] == [kept]
        assert kept.revision > record.revision
        record = kept


async def test_chosen_ids_and_drawn_ones_never_meet(open_postgres: OpenPostgres) -> None:
    stores = [await open_postgres(SHIPS), await open_postgres(SHIPS)]
    ids: list[int] = []
    for round in range(1, 11):
        chosen = [Add(SHIPS, ship(f"{round} {n} chosen"), 1000 * round + n) for n in range(16)]
        for adds in (chosen, [Add(SHIPS, ship(f"{round} {n} drawn")) for n in range(16)]):
            written = await asyncio.gather(*[stores[n % 2].write(add) for n, add in enumerate(adds)])
            ids += [record.id for (record,) in written if record]
    assert len(ids) == len(set(ids)) == 320


async def test_a_chosen_id_waits_until_no_other_write_draws_one(
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


async def answers_from_memory(store: PostgresStore, postgres_admin: Any, key: str = "nothing") -> bool:
    """Whether it answers while nobody can read the table."""
    async with postgres_admin.transaction():
        await postgres_admin.execute("LOCK TABLE shipyard.revocations")
        return await store.revoked(key) or key == "nothing"


async def test_an_instance_hears_what_another_revokes(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    one, other = await open_postgres(SHIPS), await open_postgres(SHIPS, timeout=0.1)
    await until(lambda: answers_from_memory(other, postgres_admin))
    await one.write(Revoke("key", 2**40))
    await until(lambda: answers_from_memory(other, postgres_admin, "key"))


async def test_a_store_knows_what_was_revoked_before_it_was_opened(
    open_postgres: OpenPostgres, postgres_admin: Any
) -> None:
    await (await open_postgres(SHIPS)).write(Revoke("key", 2**40))
    other = await open_postgres(SHIPS, timeout=0.1)
    assert await other.revoked("key")
    await until(lambda: answers_from_memory(other, postgres_admin))
    assert await answers_from_memory(other, postgres_admin, "key")
