"""The contract of every store (service/store/base.py): idempotency keys, revoked keys, purge, fill and scan."""

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


async def test_a_repeated_write_with_an_idempotency_key_returns_the_same_bytes_and_writes_nothing(store: Store) -> None:
    key = IdempotencyKey("key", "this", LATER)
    operations = (Add(USERS, user("é")), Revoke("token", LATER), Add(THINGS, {}))
    first = await store.write(*operations, idempotency_key=key)
    await store.write(Replace(USERS, 1, user("other")), Remove(THINGS, 1))
    assert await store.write(*operations, idempotency_key=key) == first
    assert (await store.find(USERS, Query())).total == 1
    assert (await store.find(THINGS, Query())).total == 0


async def test_replay_returns_the_result_of_the_write_with_this_key_and_writes_nothing(store: Store) -> None:
    key = IdempotencyKey("key", "this", LATER)
    assert await store.replay(key) is None
    result = await store.write(Add(USERS, user("é")), Revoke("token", LATER), idempotency_key=key)
    await store.remove(USERS, 1)
    assert await store.replay(key) == result
    assert (await store.find(USERS, Query())).total == 0
    with pytest.raises(IdempotencyKeyReused):
        await store.replay(IdempotencyKey("key", "that", LATER))


async def test_replay_of_an_expired_idempotency_key_finds_nothing(store: Store) -> None:
    await store.add(THINGS, {}, IdempotencyKey("key", "this", PAST))
    assert await store.replay(IdempotencyKey("key", "this", PAST)) is None


async def test_an_idempotency_key_with_another_fingerprint_is_rejected_and_writes_nothing(store: Store) -> None:
    await store.add(USERS, user("a"), IdempotencyKey("key", "this", LATER))
    with pytest.raises(IdempotencyKeyReused):
        await store.add(USERS, user("b"), IdempotencyKey("key", "that", LATER))
    assert (await store.find(USERS, Query())).total == 1
    await store.add(USERS, user("b"), IdempotencyKey("other", "this", LATER))


async def test_of_forty_concurrent_writes_with_one_key_one_is_applied_and_all_return_its_result(store: Store) -> None:
    key = IdempotencyKey("key", "this", LATER)
    results = await asyncio.gather(*(store.add(THINGS, {}, key) for _ in range(40)))
    assert len(set(results)) == 1
    assert (await store.find(THINGS, Query())).total == 1


async def test_an_idempotency_key_remains_unused_if_its_write_fails(store: Store) -> None:
    await store.add(USERS, user("a"))
    with pytest.raises(DuplicateValue):
        await store.add(USERS, user("A"), IdempotencyKey("key", "this", LATER))
    with pytest.raises(RecordNotFound):
        await store.write(
            Add(USERS, user("b")), Remove(USERS, 99), idempotency_key=IdempotencyKey("key", "that", LATER)
        )
    assert (await store.add(USERS, user("c"), IdempotencyKey("key", "another", LATER))).data["name"] == "c"


async def test_an_expired_idempotency_key_can_be_used_again(store: Store) -> None:
    first = await store.add(THINGS, {}, IdempotencyKey("key", "this", PAST))
    second = await store.add(THINGS, {}, IdempotencyKey("key", "that", LATER))
    assert first.id != second.id
    with pytest.raises(IdempotencyKeyReused):
        await store.add(THINGS, {}, IdempotencyKey("key", "this", LATER))


async def test_a_key_is_revoked_until_it_expires(store: Store) -> None:
    await store.write(Revoke("lasting", LATER), Revoke("past", PAST))
    assert await store.revoked("lasting")
    assert await store.revoked("other", "lasting")
    assert not await store.revoked("past", "other")
    assert not await store.revoked()


async def test_revoking_a_key_again_extends_the_revocation_but_does_not_shorten_it(store: Store) -> None:
    await store.write(Revoke("longer", PAST), Revoke("shorter", LATER))
    await store.write(Revoke("longer", LATER), Revoke("shorter", PAST))
    assert await store.revoked("longer")
    assert await store.revoked("shorter")
    assert await store.purge(int(time.time())) == 0


async def test_purge_deletes_exactly_the_keys_that_expired_before(store: Store) -> None:
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


async def test_keys_survive_a_restart_if_and_only_if_the_store_is_durable(open_store: Open) -> None:
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


async def test_a_store_is_new_until_the_first_successful_write_of_any_kind(open_store: Open) -> None:
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


async def test_only_a_new_store_is_seeded(store: Store) -> None:
    assert await store.seed([Add(USERS, user("a"), 5), Add(THINGS, {}, 7), Add(USERS, user("b"))])
    assert not await store.seed([Add(USERS, user("c"))])
    assert [record.id for record in (await store.find(USERS, Query())).records] == [5, 6]
    assert await store.write_only_fields(USERS, 5) == {"password": "secret"}


async def test_a_store_is_still_new_after_a_failed_seed(store: Store) -> None:
    with pytest.raises(DuplicateValue):
        await store.seed([Add(USERS, user("a"), 1), Add(USERS, user("A"), 2)])
    assert await store.is_new()
    assert await store.seed([Add(USERS, user("a"), 1)])


async def test_a_fill_is_not_visible_before_it_is_committed(store: Store) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        for batch in range(3):
            yield [Add(USERS, user(f"{id}"), id) for id in range(batch * 100 + 1, batch * 100 + 101)]
            assert await store.find(USERS, Query()) == Page((), 0)

    assert await store.fill(batches())
    assert (await store.find(USERS, Query())).total == 300
    assert (await store.add(USERS, user("next"))).id > 300


async def test_a_fill_whose_iterator_raises_writes_nothing(store: Store) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        yield [Add(USERS, user("a"), 1)]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.fill(batches())
    assert await store.is_new()
    assert await store.seed([Add(USERS, user("a"), 1)])


async def test_a_fill_and_a_concurrent_write_are_serialized(store: Store) -> None:
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


async def test_a_fill_of_a_store_that_is_not_new_does_not_consume_the_iterator(store: Store) -> None:
    async def batches() -> AsyncIterator[list[Add]]:
        pytest.fail("consumed")
        yield []

    await store.add(USERS, user("a"))
    assert not await store.fill(batches())


async def test_of_several_concurrent_seeds_one_succeeds(open_store: Open) -> None:
    store = await open_store()
    stores = [store, await open_store(), await open_store()] if store.shared else [store] * 3
    seeds = (store.seed([Add(USERS, user("a"), 1), Add(THINGS, {}, 1)]) for store in stores * 3)
    assert sorted(await asyncio.gather(*seeds)) == [False] * 8 + [True]
    assert (await store.find(USERS, Query())).total == 1


async def test_a_scan_returns_every_record_once_by_id_with_its_write_only_fields(store: Store) -> None:
    await store.write(*(Add(USERS, user(f"{number}", notes=number)) for number in range(1200)))
    await store.remove(USERS, 600)
    scanned = [item async for item in store.scan(USERS)]
    assert [record.id for record, _ in scanned] == [id for id in range(1, 1201) if id != 600]
    assert all(record.data["name"] == str(record.id - 1) for record, _ in scanned)
    assert all(write_only == {"password": "secret", "notes": record.id - 1} for record, write_only in scanned)
