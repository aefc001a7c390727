"""The contract of every store (service/store/base.py): unique fields, expected revisions, atomic writes."""

from __future__ import annotations

import asyncio

import pytest

from service.store.base import (
    Add,
    DuplicateValue,
    Page,
    Query,
    Record,
    RecordNotFound,
    Remove,
    Replace,
    RevisionMismatch,
    Revoke,
    Store,
)
from tests.support.collections import LATER, THINGS, USERS, user


@pytest.mark.parametrize("other", ["Straße", "STRASSE", "strasse", "ＳＴＲＡＳＳＥ", "ſtraße", "Straẞe"])
async def test_values_of_a_unique_field_are_compared_after_folding(store: Store, other: str) -> None:
    record = await store.add(USERS, user("Straße"))
    assert await store.lookup(USERS, other) == record
    with pytest.raises(DuplicateValue) as caught:
        await store.add(USERS, user(other))
    assert caught.value.field == "name"
    await store.add(USERS, user("Strase"))
    with pytest.raises(DuplicateValue):
        await store.replace(USERS, 2, user(other))
    assert (await store.replace(USERS, 1, user(other))).data["name"] == other
    await store.remove(USERS, 1)
    assert await store.lookup(USERS, other) is None
    await store.add(USERS, user(other))


async def test_each_write_gives_a_record_a_larger_revision_and_no_two_revisions_are_equal(store: Store) -> None:
    first = await store.add(THINGS, {})
    second = await store.add(THINGS, {})
    third = await store.replace(THINGS, first.id, {})
    written = await store.write(Replace(THINGS, 1, {}), Replace(THINGS, 1, {}), Replace(THINGS, 2, {}))
    revisions = [record.revision for record in (first, second, third, *written) if record]
    assert len(set(revisions)) == 6
    assert first.revision < third.revision < revisions[3] < revisions[4]
    assert second.revision < revisions[5]


async def test_a_revision_mismatch_changes_nothing_and_contains_the_current_record(store: Store) -> None:
    old = await store.add(THINGS, {"text": "old"})
    new = await store.replace(THINGS, 1, {"text": "new"}, old.revision)
    for operation in (Replace(THINGS, 1, {"text": "late"}, old.revision), Remove(THINGS, 1, old.revision)):
        with pytest.raises(RevisionMismatch) as caught:
            await store.write(operation)
        assert caught.value.current == new
    assert await store.get(THINGS, 1) == new
    await store.remove(THINGS, 1, new.revision)
    assert await store.get(THINGS, 1) is None


async def test_of_forty_concurrent_replacements_of_one_revision_exactly_one_succeeds(store: Store) -> None:
    record = await store.add(THINGS, {})
    attempts = (store.replace(THINGS, 1, {"number": number}, record.revision) for number in range(40))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    (winner,) = (result for result in results if isinstance(result, Record))
    assert await store.get(THINGS, 1) == winner
    assert all(result.current == winner for result in results if isinstance(result, RevisionMismatch))
    assert sum(isinstance(result, RevisionMismatch) for result in results) == 39


async def test_of_forty_concurrent_additions_of_one_name_exactly_one_succeeds(store: Store) -> None:
    results = await asyncio.gather(*(store.add(USERS, user("User")) for _ in range(40)), return_exceptions=True)
    assert sum(isinstance(result, DuplicateValue) for result in results) == 39
    assert (await store.find(USERS, Query())).total == 1


async def test_forty_concurrent_additions_get_forty_ids(store: Store) -> None:
    records = await asyncio.gather(*(store.add(THINGS, {"number": number}) for number in range(40)))
    assert len({record.id for record in records}) == 40
    assert len({record.revision for record in records}) == 40
    assert [record.data["number"] for record in records] == list(range(40))


async def test_a_repeated_query_returns_what_was_written_since(store: Store) -> None:
    query = Query()
    operations = (Add(THINGS, {"number": 1}), Add(THINGS, {}), Replace(THINGS, 1, {"number": 2}), Remove(THINGS, 2))
    for operation in operations:
        before = await store.find(THINGS, query)
        (written,) = await store.write(operation)
        expected = {record.id: record for record in before.records} | ({written.id: written} if written else {})
        after = await store.find(THINGS, query)
        if isinstance(operation, Remove):
            del expected[operation.id]
        assert after == Page(tuple(expected.values()), len(expected))
        assert after.body == b"[%b]" % b",".join(record.body for record in expected.values())


async def test_a_write_of_several_operations_is_atomic(store: Store) -> None:
    await store.write(Add(USERS, user("a")), Add(USERS, user("b")), Revoke("old", LATER))
    before = (await store.find(USERS, Query())).records
    operations = (
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
        with pytest.raises((RecordNotFound, DuplicateValue, RevisionMismatch)):
            await store.write(*operations, last)
        assert await store.find(USERS, Query()) == Page(before, 2)
        assert not await store.revoked("new")
        assert await store.lookup(USERS, "b") == before[1]
        assert await store.write_only_fields(USERS, 1) == {"password": "secret"}
    written = await store.write(*operations)
    assert [record and record.data["name"] for record in written] == ["c", "a", "b", None, "a", "d", None, None]
    stored = (await store.find(USERS, Query())).records
    assert list(stored) == sorted(record for record in (written[2], written[4], written[5]) if record)
    assert {record.id for record in stored} > {1, 5000}


async def test_data_that_is_not_json_is_rejected_without_effect_on_concurrent_writes(store: Store) -> None:
    results = await asyncio.gather(
        store.add(THINGS, {"text": object()}), store.add(THINGS, {"text": "good"}), return_exceptions=True
    )
    assert isinstance(results[0], TypeError)
    assert isinstance(results[1], Record)
    assert (await store.find(THINGS, Query())).total == 1


async def test_cancelled_callers_do_not_affect_other_writes(store: Store) -> None:
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
