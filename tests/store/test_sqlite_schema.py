"""Migration of the SQLite store: to the current format, and to the declarations of the collections."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.store.base import Collection, Condition, Query, Sort, StoreUnusable
from service.store.sqlite import SQLiteStore
from service.store.sqlite import schema as sqlite_schema
from service.store.sqlite.query import order_by, where
from tests.support.collections import NUMBER, TEXT, THINGS
from tests.support.sqlite_programs import opened


def plan(path: Path, query: Query) -> str:
    sql = f"SELECT id FROM things WHERE {where(query).sql}" + (f" ORDER BY {order_by(query)}" if query.sort else "")
    with closing(sqlite3.connect(path)) as connection:
        return " ".join(str(row) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", where(query).values))


@pytest.mark.parametrize(
    "query",
    [
        Query((Condition(NUMBER, "eq", (1, 0.1)),)),
        Query((Condition(NUMBER, "gte", (1,)),)),
        Query((Condition(TEXT, "eq", ("a", "b")),)),
        Query(sort=(Sort(TEXT),)),
        Query(sort=(Sort(NUMBER, True),)),
    ],
)
async def test_queries_use_the_index_on_a_field_while_it_is_declared(path: Path, query: Query) -> None:
    await (await opened(path, THINGS)).close()
    assert re.search(r"USING (COVERING )?INDEX things (text|number)", plan(path, query))
    await (await opened(path, Collection("things"))).close()
    assert "INDEX things" not in plan(path, query)


async def test_an_older_file_is_migrated_in_one_transaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await opened(path, THINGS)
    added = await store.add(THINGS, {})
    await store.close()
    good, bad = (
        ("CREATE TABLE _more (key TEXT)", "INSERT INTO _more VALUES ('a')"),
        ("INSERT INTO _more VALUES ('b')", "?"),
    )
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, good, bad))
    with pytest.raises(StoreUnusable):
        await SQLiteStore(path).open([THINGS])
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", sqlite_schema.MIGRATIONS[:-1])
    store = await opened(path, THINGS)
    assert await store.get(THINGS, 1) == added
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key FROM _more").fetchall() == [("a",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


async def test_rows_are_rewritten_when_unique_or_write_only_fields_change(path: Path) -> None:
    before = Collection("people", unique="name", write_only=("password",))
    after = Collection("people", unique="mail", write_only=("mail", "phone"))
    store = await opened(path, before)
    await store.add(before, {"name": "É", "mail": "A@B", "password": "x", "phone": 5})
    await store.close()
    store = await opened(path, after)
    found = await store.lookup(after, "a@b")
    assert found is not None
    assert found.data == {"id": 1, "password": "x", "name": "É"}
    assert await store.write_only_fields(after, 1) == {"mail": "A@B", "phone": 5}
    assert (await store.add(after, {"name": "É", "mail": "other"})).id == 2
    await store.close()
    with pytest.raises(StoreUnusable, match="has two records of people with the same name"):
        await SQLiteStore(path).open([before])
    with pytest.raises(StoreUnusable, match="has a record of people, id 1, whose rank is missing or not a text"):
        await SQLiteStore(path).open([Collection("people", unique="rank")])
