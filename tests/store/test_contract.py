"""What every store promises of records and writes (service/store/base.py)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.store.base import (
    Add,
    Missing,
    Query,
    Record,
    Remove,
    Replace,
    Revoke,
    Stale,
    Store,
    Taken,
    encode,
)
from tests.store.conftest import Open
from tests.store.samples import LATER, THINGS, USERS, user

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
    (await store.secrets(USERS, 1) or {})["notes"]["x"].append(3)
    kept = await store.get(USERS, 1)
    assert kept is not None
    assert kept.data == {"id": 1, "name": "user", "roles": ["a"]}
    assert await store.secrets(USERS, 1) == {"password": "secret", "notes": {"x": [1]}}


async def test_hidden_fields_are_in_no_body_and_stay_when_a_replacement_leaves_them_out(store: Store) -> None:
    await store.add(USERS, user("user", notes=[1]))
    record = await store.replace(USERS, 1, {"name": "user", "password": "new"})
    assert record.data == {"id": 1, "name": "user"}
    assert await store.secrets(USERS, 1) == {"password": "new", "notes": [1]}
    assert await store.secrets(USERS, 2) is None


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
        with pytest.raises(Missing):
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
    with pytest.raises(Taken):
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
    assert await again.secrets(USERS, 1) == ({"password": "secret"} if store.durable else None)
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


@pytest.mark.parametrize("other", ["Straße", "STRASSE", "strasse", "ＳＴＲＡＳＳＥ", "ſtraße", "Straẞe"])
async def test_a_unique_field_is_compared_without_regard_to_case_and_form(store: Store, other: str) -> None:
    record = await store.add(USERS, user("Straße"))
    assert await store.lookup(USERS, other) == record
    with pytest.raises(Taken) as caught:
        await store.add(USERS, user(other))
    assert caught.value.field == "name"
    await store.add(USERS, user("Strase"))
    with pytest.raises(Taken):
        await store.replace(USERS, 2, user(other))
    assert (await store.replace(USERS, 1, user(other))).data["name"] == other
    await store.remove(USERS, 1)
    assert await store.lookup(USERS, other) is None
    await store.add(USERS, user(other))


async def test_a_record_has_a_larger_revision_after_each_write_and_none_is_shared(store: Store) -> None:
    first = await store.add(THINGS, {})
    second = await store.add(THINGS, {})
    third = await store.replace(THINGS, first.id, {})
    written = await store.write(Replace(THINGS, 1, {}), Replace(THINGS, 1, {}), Replace(THINGS, 2, {}))
    revisions = [record.revision for record in (first, second, third, *written) if record]
    assert len(set(revisions)) == 6
    assert first.revision < third.revision < revisions[3] < revisions[4]
    assert second.revision < revisions[5]


async def test_a_condition_that_does_not_hold_changes_nothing_and_shows_what_is(store: Store) -> None:
    old = await store.add(THINGS, {"text": "old"})
    new = await store.replace(THINGS, 1, {"text": "new"}, old.revision)
    for change in (Replace(THINGS, 1, {"text": "late"}, old.revision), Remove(THINGS, 1, old.revision)):
        with pytest.raises(Stale) as caught:
            await store.write(change)
        assert caught.value.current == new
    assert await store.get(THINGS, 1) == new
    await store.remove(THINGS, 1, new.revision)
    assert await store.get(THINGS, 1) is None


async def test_of_forty_replacements_of_one_revision_exactly_one_is_made(store: Store) -> None:
    record = await store.add(THINGS, {})
    attempts = (store.replace(THINGS, 1, {"number": number}, record.revision) for number in range(40))
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    (winner,) = (answer for answer in answers if isinstance(answer, Record))
    assert await store.get(THINGS, 1) == winner
    assert all(answer.current == winner for answer in answers if isinstance(answer, Stale))
    assert sum(isinstance(answer, Stale) for answer in answers) == 39


async def test_of_forty_additions_of_one_name_exactly_one_is_made(store: Store) -> None:
    answers = await asyncio.gather(*(store.add(USERS, user("User")) for _ in range(40)), return_exceptions=True)
    assert sum(isinstance(answer, Taken) for answer in answers) == 39
    assert (await store.find(USERS, Query())).total == 1


async def test_forty_additions_at_once_get_forty_ids(store: Store) -> None:
    records = await asyncio.gather(*(store.add(THINGS, {"number": number}) for number in range(40)))
    assert len({record.id for record in records}) == 40
    assert len({record.revision for record in records}) == 40
    assert [record.data["number"] for record in records] == list(range(40))


async def test_a_write_of_several_changes_is_whole_or_not_at_all(store: Store) -> None:
    await store.write(Add(USERS, user("a")), Add(USERS, user("b")), Revoke("old", LATER))
    before = (await store.find(USERS, Query())).records
    changes = (
        Replace(USERS, 1, user("c", notes=1)),
        Replace(USERS, 2, user("a")),
        Replace(USERS, 1, user("b")),
        Remove(USERS, 2),
        Add(USERS, user("a")),
        Add(USERS, user("d"), 5000),
        Revoke("new", LATER),
        Revoke("old", LATER + 1),
    )
    for last in (Remove(USERS, 99), Add(USERS, user("D")), Replace(USERS, 1, user("x"), 0)):
        with pytest.raises((Missing, Taken, Stale)):
            await store.write(*changes, last)
        assert await store.find(USERS, Query()) == (before, 2)
        assert not await store.revoked("new")
        assert await store.lookup(USERS, "b") == before[1]
        assert await store.secrets(USERS, 1) == {"password": "secret"}
    written = await store.write(*changes)
    assert [record and record.data["name"] for record in written] == ["c", "a", "b", None, "a", "d", None, None]
    kept = (await store.find(USERS, Query())).records
    assert kept == sorted(record for record in (written[2], written[4], written[5]) if record)
    assert {record.id for record in kept} > {1, 5000}


async def test_data_that_is_no_json_is_refused_and_disturbs_nobody(store: Store) -> None:
    answers = await asyncio.gather(
        store.add(THINGS, {"text": object()}), store.add(THINGS, {"text": "good"}), return_exceptions=True
    )
    assert isinstance(answers[0], TypeError)
    assert isinstance(answers[1], Record)
    assert (await store.find(THINGS, Query())).total == 1


async def test_a_caller_that_leaves_does_not_stop_the_write_nor_those_after_it(store: Store) -> None:
    async with asyncio.timeout(10):
        tasks = [asyncio.ensure_future(store.add(THINGS, {"number": number})) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.add(THINGS, {"number": -1})
    page = await store.find(THINGS, Query())
    assert {record.data["number"] for record in page.records} >= {-1, *range(1, 20, 2)}
    assert page.total == len(page.records)
