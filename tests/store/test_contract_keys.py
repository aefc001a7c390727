"""What every store promises of keys (once, revoked) and of its beginning (seed)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from service.store.base import (
    Add,
    DuplicateValue,
    IdempotencyKey,
    IdempotencyKeyReused,
    Page,
    Query,
    RecordNotFound,
    Remove,
    Replace,
    Revoke,
    Store,
)
from tests.store.conftest import Open
from tests.support.collections import LATER, THINGS, USERS, user

PAST = 1_000_000_000


async def test_a_write_under_a_key_is_made_once_and_answered_the_same_to_the_byte(store: Store) -> None:
    once = IdempotencyKey("key", "this", LATER)
    changes = (Add(USERS, user("é")), Revoke("token", LATER), Add(THINGS, {}))
    first = await store.write(*changes, idempotency_key=once)
    await store.write(Replace(USERS, 1, user("other")), Remove(THINGS, 1))
    assert await store.write(*changes, idempotency_key=once) == first
    assert (await store.find(USERS, Query())).total == 1
    assert (await store.find(THINGS, Query())).total == 0


async def test_a_key_with_another_fingerprint_is_refused_and_writes_nothing(store: Store) -> None:
    await store.add(USERS, user("a"), IdempotencyKey("key", "this", LATER))
    with pytest.raises(IdempotencyKeyReused):
        await store.add(USERS, user("b"), IdempotencyKey("key", "that", LATER))
    assert (await store.find(USERS, Query())).total == 1
    await store.add(USERS, user("b"), IdempotencyKey("other", "this", LATER))


async def test_of_forty_writes_under_one_key_at_once_one_is_made_and_all_are_answered_alike(store: Store) -> None:
    once = IdempotencyKey("key", "this", LATER)
    answers = await asyncio.gather(*(store.add(THINGS, {}, once) for _ in range(40)))
    assert len(set(answers)) == 1
    assert (await store.find(THINGS, Query())).total == 1


async def test_a_key_stays_free_when_its_write_fails(store: Store) -> None:
    await store.add(USERS, user("a"))
    with pytest.raises(DuplicateValue):
        await store.add(USERS, user("A"), IdempotencyKey("key", "this", LATER))
    with pytest.raises(RecordNotFound):
        await store.write(
            Add(USERS, user("b")), Remove(USERS, 99), idempotency_key=IdempotencyKey("key", "that", LATER)
        )
    assert (await store.add(USERS, user("c"), IdempotencyKey("key", "another", LATER))).data["name"] == "c"


async def test_a_key_that_has_expired_is_free(store: Store) -> None:
    first = await store.add(THINGS, {}, IdempotencyKey("key", "this", PAST))
    second = await store.add(THINGS, {}, IdempotencyKey("key", "that", LATER))
    assert first.id != second.id
    with pytest.raises(IdempotencyKeyReused):
        await store.add(THINGS, {}, IdempotencyKey("key", "this", LATER))


async def test_what_is_revoked_is_known_until_it_expires(store: Store) -> None:
    await store.write(Revoke("lasting", LATER), Revoke("past", PAST))
    assert await store.revoked("lasting")
    assert await store.revoked("other", "lasting")
    assert not await store.revoked("past", "other")
    assert not await store.revoked()


async def test_revoking_twice_is_as_once_for_the_longer_time(store: Store) -> None:
    await store.write(Revoke("longer", PAST), Revoke("shorter", LATER))
    await store.write(Revoke("longer", LATER), Revoke("shorter", PAST))
    assert await store.revoked("longer")
    assert await store.revoked("shorter")
    assert await store.purge(int(time.time())) == 0


async def test_purge_forgets_exactly_what_expired_before(store: Store) -> None:
    await store.write(*(Revoke(f"{expires}", expires) for expires in range(LATER, LATER + 1200)))
    await store.add(THINGS, {}, IdempotencyKey("old", "this", LATER + 999))
    await store.add(THINGS, {}, IdempotencyKey("new", "this", LATER + 1000))
    assert await store.purge(LATER + 1000) == 1001
    assert await store.purge(LATER + 1000) == 0
    assert not await store.revoked(f"{LATER}", f"{LATER + 999}")
    assert await store.revoked(f"{LATER + 1000}")
    await store.add(THINGS, {}, IdempotencyKey("old", "that", LATER))
    with pytest.raises(IdempotencyKeyReused):
        await store.add(THINGS, {}, IdempotencyKey("new", "that", LATER))
    assert (await store.find(THINGS, Query())).total == 3


async def test_keys_outlive_a_restart_exactly_if_the_store_is_durable(open_store: Open) -> None:
    store = await open_store()
    first = await store.write(
        Add(THINGS, {}), Revoke("token", LATER), idempotency_key=IdempotencyKey("key", "this", LATER)
    )
    await store.close()
    again = await open_store()
    assert await again.revoked("token") == again.durable
    second = await again.write(
        Add(THINGS, {}), Revoke("token", LATER), idempotency_key=IdempotencyKey("key", "this", LATER)
    )
    assert (second == first) == again.durable


async def test_a_store_is_pristine_until_the_first_write_whatever_that_was(open_store: Open) -> None:
    store = await open_store()
    assert await store.is_new()
    with pytest.raises(RecordNotFound):
        await store.remove(THINGS, 1)
    assert await store.is_new()
    await store.write(Revoke("key", PAST))
    await store.purge(LATER)
    assert not await store.is_new()
    await store.close()
    again = await open_store()
    assert await again.is_new() != again.durable


async def test_only_a_pristine_store_is_seeded_and_only_once(store: Store) -> None:
    assert await store.seed([Add(USERS, user("a"), 5), Add(THINGS, {}, 7), Add(USERS, user("b"))])
    assert not await store.seed([Add(USERS, user("c"))])
    assert [record.id for record in (await store.find(USERS, Query())).records] == [5, 6]
    assert await store.write_only_fields(USERS, 5) == {"password": "secret"}


async def test_a_seed_that_fails_leaves_the_store_pristine(store: Store) -> None:
    with pytest.raises(DuplicateValue):
        await store.seed([Add(USERS, user("a"), 1), Add(USERS, user("A"), 2)])
    assert await store.is_new()
    assert await store.seed([Add(USERS, user("a"), 1)])


async def test_a_fill_is_one_write_that_nobody_sees_before_its_end(store: Store) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        for batch in range(3):
            yield [Add(USERS, user(f"{id}"), id) for id in range(batch * 100 + 1, batch * 100 + 101)]
            assert await store.find(USERS, Query()) == Page((), 0)

    assert await store.fill(batches())
    assert (await store.find(USERS, Query())).total == 300
    assert (await store.add(USERS, user("next"))).id > 300


async def test_a_fill_whose_source_fails_writes_nothing(store: Store) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        yield [Add(USERS, user("a"), 1)]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.fill(batches())
    assert await store.is_new()
    assert await store.seed([Add(USERS, user("a"), 1)])


async def test_a_fill_and_a_write_at_the_same_time_are_one_after_the_other(store: Store) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        yield [Add(USERS, user("a"), 1)]
        writing.set()
        await asyncio.sleep(0)
        yield [Add(USERS, user("b"), 2)]

    writing = asyncio.Event()
    fill = asyncio.create_task(store.fill(batches()))
    await writing.wait()
    written = await store.add(USERS, user("c"))
    filled = await fill
    assert [record.id for record in (await store.find(USERS, Query())).records] == ([1, 2, 3] if filled else [1])
    assert await store.lookup(USERS, "c") == written


async def test_a_store_that_has_been_written_takes_nothing_from_the_source_of_a_fill(store: Store) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        pytest.fail("asked for")
        yield []

    await store.add(USERS, user("a"))
    assert not await store.fill(batches())


async def test_of_several_that_seed_at_once_one_does(open_store: Open) -> None:
    store = await open_store()
    stores = [store, await open_store(), await open_store()] if store.shared else [store] * 3
    seeds = (store.seed([Add(USERS, user("a"), 1), Add(THINGS, {}, 1)]) for store in stores * 3)
    assert sorted(await asyncio.gather(*seeds)) == [False] * 8 + [True]
    assert (await store.find(USERS, Query())).total == 1


async def test_a_scan_has_every_record_once_with_its_hidden_fields_by_id(store: Store) -> None:
    await store.write(*(Add(USERS, user(f"{number}", notes=number)) for number in range(1200)))
    await store.remove(USERS, 600)
    scanned = [item async for item in store.scan(USERS)]
    assert [record.id for record, _ in scanned] == [id for id in range(1, 1201) if id != 600]
    assert all(record.data["name"] == str(record.id - 1) for record, _ in scanned)
    assert all(hidden == {"password": "secret", "notes": record.id - 1} for record, hidden in scanned)


async def test_a_store_that_is_open_answers_a_ping(store: Store) -> None:
    await store.ping()
