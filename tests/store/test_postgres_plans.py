"""The execution plans of queries in PostgreSQL, and the totals of pages."""

from __future__ import annotations

from random import Random
from string import ascii_letters
from typing import Any

import pytest

from service.store.base import Add, Collection, Condition, Field, Query, Replace, Sort, ValueTooLong
from service.store.postgres.query import find_sql
from tests.support.postgres import OpenPostgres

SHIPS = Collection(
    "ships",
    unique="model",
    indexed=(Field("crew", "number"), Field("category", "text"), Field("old", "boolean"), Field("roles", "texts")),
)


def ship(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "crew": 1, **more}


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
async def test_a_query_uses_the_declared_index(
    open_postgres: OpenPostgres, postgres_admin: Any, query: Query, index: str
) -> None:
    store = await open_postgres(SHIPS)
    each = [ship(f"{n}", crew=n, category=f"{n}", old=n % 100 == 0, roles=[f"{n}"]) for n in range(3000)]
    await store.write(*[Add(SHIPS, data) for data in each])
    await postgres_admin.execute("VACUUM ANALYZE shipyard.records_ships")
    sql, arguments = find_sql(SHIPS, query)
    plan = await postgres_admin.fetch(f"EXPLAIN {sql}", *arguments)
    assert any(index in line for (line,) in plan), plan


async def test_a_text_too_long_for_its_index_is_rejected_and_nothing_is_written(open_postgres: OpenPostgres) -> None:
    store = await open_postgres(SHIPS)
    noise = "".join(Random(1).choices(ascii_letters, k=9000))  # random, because PostgreSQL compresses repeated letters
    await store.add(SHIPS, ship("A", category=noise[:2000]))
    for operation in (Add(SHIPS, ship("B", category=noise)), Replace(SHIPS, 1, ship("A", category=noise))):
        with pytest.raises(ValueTooLong):
            await store.write(operation)
    await store.add(SHIPS, ship("C", note=noise))
    assert [record.data["model"] for record in (await store.find(SHIPS, Query())).records] == ["A", "C"]


async def test_skipped_rows_are_read_from_the_index_only(open_postgres: OpenPostgres, postgres_admin: Any) -> None:
    store = await open_postgres(SHIPS)
    await store.write(*[Add(SHIPS, ship(f"{n}")) for n in range(3000)])
    await postgres_admin.execute("VACUUM ANALYZE shipyard.records_ships")
    sql, arguments = find_sql(SHIPS, Query(start=2000, limit=5))
    plan = await postgres_admin.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}", *arguments)
    skipping = [line for (line,) in plan if "actual rows=2005" in line]
    assert [" Index Only Scan " in line for line in skipping] == [True], plan


async def test_the_total_includes_the_records_before_the_page(open_postgres: OpenPostgres) -> None:
    store = await open_postgres(SHIPS)
    await store.write(*[Add(SHIPS, ship(f"{n}")) for n in range(5)])
    for query, ids in (
        (Query(after=3), [4, 5]),
        (Query(after=5), []),
        (Query(start=4, limit=2), [5]),
        (Query(start=5, limit=2), []),
        (Query(start=1, limit=2), [2, 3]),
    ):
        page = await store.find(SHIPS, query)
        assert ([record.id for record in page.records], page.total) == (ids, 5), query
