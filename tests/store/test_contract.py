"""The contract of every store (service/store/base.py): records and their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.store.base import (
    Add,
    DuplicateValue,
    Query,
    RecordNotFound,
    Remove,
    Replace,
    Revoke,
    Store,
    StoreUnavailable,
    encode,
)
from service.store.by_url import store_for
from tests.store.conftest import Open
from tests.support.collections import LATER, THINGS, USERS, user

ODD = {
    "emoji": "🚀👩‍🚀🏳️‍🌈",
    "right to left": "שלום مرحبا",
    "combining": "e\u0301 ≠ é",
    "astral": "𝔸\U0010ffff",
    "replacement": "\ufffd",
    "escapes": '"\\/\b\f\n\r\t\x1f\x7f\u2028',
    "looks like SQL": "'; DROP TABLE things; -- %_$1?",
    "empty": "",
}
NUMBERS = [2**53 - 1, -(2**53 - 1), 0, 0.1, 0.30000000000000004, 1e300, 5e-324, -0.0, 1, 1.0]


async def test_a_record_is_returned_as_it_was_added_with_its_id_first(store: Store) -> None:
    data = {"odd": ODD, "numbers": NUMBERS, "none": None, "yes": True, "list": [[], {}, [1, [2]]], "ключ": 1}
    record = await store.add(THINGS, data)
    assert record.body == encode(record.id, data)
    assert await store.get(THINGS, record.id) == record
    assert repr(record.data) == repr({"id": record.id, **data})  # by repr, because 1 == 1.0 == True


async def test_records_are_passed_by_value(store: Store) -> None:
    data: dict[str, Any] = user("user", roles=["a"], notes={"x": [1]})
    record = await store.add(USERS, data)
    data["roles"].append("b")
    data["notes"]["x"].append(2)
    record.data["roles"].append("c")
    (await store.write_only_fields(USERS, 1) or {})["notes"]["x"].append(3)
    stored = await store.get(USERS, 1)
    assert stored is not None
    assert stored.data == {"id": 1, "name": "user", "roles": ["a"]}
    assert await store.write_only_fields(USERS, 1) == {"password": "secret", "notes": {"x": [1]}}


async def test_write_only_fields_are_not_in_the_body_and_remain_if_a_replacement_omits_them(store: Store) -> None:
    await store.add(USERS, user("user", notes=[1]))
    record = await store.replace(USERS, 1, {"name": "user", "password": "new"})
    assert record.data == {"id": 1, "name": "user"}
    assert await store.write_only_fields(USERS, 1) == {"password": "new", "notes": [1]}
    assert await store.write_only_fields(USERS, 2) is None


async def test_a_replacement_removes_the_fields_that_it_omits(store: Store) -> None:
    await store.add(THINGS, {"text": "a", "number": 1})
    record = await store.replace(THINGS, 1, {"number": 2})
    assert record.data == {"id": 1, "number": 2}
    assert await store.get(THINGS, 1) == record


async def test_reading_a_missing_record_returns_none_and_changing_it_raises(store: Store) -> None:
    assert await store.get(THINGS, 1) is None
    assert await store.get(THINGS, 2**53 - 1) is None
    assert await store.lookup(USERS, "nobody") is None
    for operation in (Replace(THINGS, 1, {}), Remove(THINGS, 1), Replace(THINGS, 1, {}, 5), Remove(THINGS, 1, 5)):
        with pytest.raises(RecordNotFound):
            await store.write(operation)


async def test_ids_increase_by_one_and_are_never_reused(store: Store) -> None:
    assert [(await store.add(THINGS, {})).id for _ in range(3)] == [1, 2, 3]
    await store.remove(THINGS, 3)
    await store.write(Add(THINGS, {}), Remove(THINGS, 4))
    assert (await store.add(THINGS, {})).id == 5
    await store.write(*(Remove(THINGS, id) for id in (1, 2, 5)))
    assert (await store.add(THINGS, {})).id == 6
    assert (await store.add(USERS, user("a"))).id == 1


async def test_an_add_can_choose_an_unused_id_and_later_ids_are_larger(store: Store) -> None:
    large = 2**53 - 10
    await store.write(Add(THINGS, {}, 7), Add(THINGS, {}, 3), Add(THINGS, {}))
    with pytest.raises(DuplicateValue):
        await store.write(Add(THINGS, {}, 3))
    await store.write(Add(THINGS, {}, large), Add(THINGS, {}))
    assert [record.id for record in (await store.find(THINGS, Query())).records] == [3, 7, 8, large, large + 1]


async def test_ids_and_records_survive_a_restart_if_and_only_if_the_store_is_durable(open_store: Open) -> None:
    store = await open_store()
    added = await store.add(USERS, user("added"))
    await store.write(Add(USERS, user("highest")), Remove(USERS, 2))
    await store.close()
    await store.close()
    again = await open_store()
    assert await again.get(USERS, 1) == (added if store.durable else None)
    assert await again.write_only_fields(USERS, 1) == ({"password": "secret"} if store.durable else None)
    new = await again.add(USERS, user("new"))
    assert new.id == (3 if store.durable else 1)
    assert new.revision > added.revision


async def test_two_stores_on_one_url_see_each_others_writes_at_once_if_the_store_is_shared(open_store: Open) -> None:
    one, other = await open_store(), await open_store()
    await one.write(Add(USERS, user("a")), Revoke("key", LATER))
    assert (await other.get(USERS, 1) is not None) == one.shared
    assert await other.revoked("key") == one.shared
    assert (await other.add(USERS, user("b"))).id == (2 if one.shared else 1)
    assert (await one.find(USERS, Query())).total == (2 if one.shared else 1)


async def test_ping_returns_while_the_store_is_open_and_raises_before_and_after(
    open_store: Open, store_url: str
) -> None:
    unopened = store_for(store_url, Path.cwd())
    with pytest.raises(StoreUnavailable, match="not open"):
        await unopened.ping()
    await unopened.close()
    store = await open_store()
    for _ in range(2):
        await store.ping()
    await store.close()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="not open"):
            await store.ping()
    await (await open_store()).ping()
