"""What every store promises of records and their ids (service/store/base.py)."""

from __future__ import annotations

from typing import Any

import pytest

from service.store.base import Add, DuplicateValue, Query, RecordNotFound, Remove, Replace, Revoke, Store, encode
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
FAR = [2**53 - 1, -(2**53 - 1), 0, 0.1, 0.30000000000000004, 1e300, 5e-324, -0.0, 1, 1.0]


async def test_a_record_comes_out_as_it_went_in_with_its_id_first(store: Store) -> None:
    data = {"odd": ODD, "far": FAR, "none": None, "yes": True, "list": [[], {}, [1, [2]]], "ключ": 1}
    record = await store.add(THINGS, data)
    assert record.body == encode(record.id, data)
    assert await store.get(THINGS, record.id) == record
    assert repr(record.data) == repr({"id": record.id, **data})  # by repr, because 1 == 1.0 == True


async def test_what_is_given_or_answered_can_change_without_changing_what_is_kept(store: Store) -> None:
    given: dict[str, Any] = user("user", roles=["a"], notes={"x": [1]})
    record = await store.add(USERS, given)
    given["roles"].append("b")
    given["notes"]["x"].append(2)
    record.data["roles"].append("c")
    (await store.write_only_fields(USERS, 1) or {})["notes"]["x"].append(3)
    kept = await store.get(USERS, 1)
    assert kept is not None
    assert kept.data == {"id": 1, "name": "user", "roles": ["a"]}
    assert await store.write_only_fields(USERS, 1) == {"password": "secret", "notes": {"x": [1]}}


async def test_hidden_fields_are_in_no_body_and_stay_when_a_replacement_leaves_them_out(store: Store) -> None:
    await store.add(USERS, user("user", notes=[1]))
    record = await store.replace(USERS, 1, {"name": "user", "password": "new"})
    assert record.data == {"id": 1, "name": "user"}
    assert await store.write_only_fields(USERS, 1) == {"password": "new", "notes": [1]}
    assert await store.write_only_fields(USERS, 2) is None


async def test_a_replacement_leaves_no_field_of_before(store: Store) -> None:
    await store.add(THINGS, {"text": "a", "number": 1})
    record = await store.replace(THINGS, 1, {"number": 2})
    assert record.data == {"id": 1, "number": 2}
    assert await store.get(THINGS, 1) == record


async def test_what_is_not_there_is_none_or_missing(store: Store) -> None:
    assert await store.get(THINGS, 1) is None
    assert await store.get(THINGS, 2**53 - 1) is None
    assert await store.lookup(USERS, "nobody") is None
    for change in (Replace(THINGS, 1, {}), Remove(THINGS, 1), Replace(THINGS, 1, {}, 5), Remove(THINGS, 1, 5)):
        with pytest.raises(RecordNotFound):
            await store.write(change)


async def test_ids_go_up_by_one_and_no_id_is_given_twice(store: Store) -> None:
    assert [(await store.add(THINGS, {})).id for _ in range(3)] == [1, 2, 3]
    await store.remove(THINGS, 3)
    await store.write(Add(THINGS, {}), Remove(THINGS, 4))
    assert (await store.add(THINGS, {})).id == 5
    await store.write(*(Remove(THINGS, id) for id in (1, 2, 5)))
    assert (await store.add(THINGS, {})).id == 6
    assert (await store.add(USERS, user("a"))).id == 1


async def test_an_id_can_be_chosen_once_and_the_next_ones_come_after_it(store: Store) -> None:
    far = 2**53 - 10
    await store.write(Add(THINGS, {}, 7), Add(THINGS, {}, 3), Add(THINGS, {}))
    with pytest.raises(DuplicateValue):
        await store.write(Add(THINGS, {}, 3))
    await store.write(Add(THINGS, {}, far), Add(THINGS, {}))
    assert [record.id for record in (await store.find(THINGS, Query())).records] == [3, 7, 8, far, far + 1]


async def test_ids_and_records_outlive_a_restart_exactly_if_the_store_is_durable(open_store: Open) -> None:
    store = await open_store()
    kept = await store.add(USERS, user("kept"))
    await store.write(Add(USERS, user("highest")), Remove(USERS, 2))
    await store.close()
    await store.close()
    again = await open_store()
    assert await again.get(USERS, 1) == (kept if store.durable else None)
    assert await again.write_only_fields(USERS, 1) == ({"password": "secret"} if store.durable else None)
    new = await again.add(USERS, user("new"))
    assert new.id == (3 if store.durable else 1)
    assert new.revision > kept.revision


async def test_two_that_have_a_durable_store_open_see_each_others_writes_at_once(open_store: Open) -> None:
    one, other = await open_store(), await open_store()
    await one.write(Add(USERS, user("a")), Revoke("key", LATER))
    assert (await other.get(USERS, 1) is not None) == one.shared
    assert await other.revoked("key") == one.shared
    assert (await other.add(USERS, user("b"))).id == (2 if one.shared else 1)
    assert (await one.find(USERS, Query())).total == (2 if one.shared else 1)
