"""Passwords: hashing in threads, logins in constant time, malformed hashes, rehashing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from marshmallow import ValidationError

from service.auth import passwords
from service.auth.app_keys import PASSWORDS
from service.auth.passwords import Passwords, check_password_bytes, is_hash
from service.auth.users import USERS, Authenticator
from service.errors import HTTPError
from service.http.app_keys import STORE
from service.store.memory import MemoryStore
from tests.support.requests import Client, bearer

MakeClient = Callable[..., Awaitable[Client]]

OLD = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ARGON2I = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.I)


@pytest.fixture
def pool() -> Iterator[Passwords]:
    pool = Passwords(threads=1)
    yield pool
    pool.close()


async def test_a_hash_is_argon2id_with_the_current_parameters(pool: Passwords) -> None:
    hash = await pool.hash("password")
    parameters = extract_parameters(hash)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        Type.ID,
        19456,
        2,
        1,
    )
    assert is_hash(hash)
    assert not pool.needs_rehash(hash)
    assert await pool.hash("password") != hash


async def test_only_the_right_password_matches_a_hash(pool: Passwords) -> None:
    hash = OLD.hash("p\u00e4ssword")
    assert await pool.verify(hash, "p\u00e4ssword")
    for wrong in ("p\u00e4ssworD", "pa\u0308ssword", "", "p\u00e4ssword ", "x" * 1024):
        assert not await pool.verify(hash, wrong)


async def test_hashing_does_not_block_the_event_loop(pool: Passwords) -> None:
    hashing = asyncio.create_task(pool.hash("password"))
    iterations = 0
    while not hashing.done():
        iterations += 1
        await asyncio.sleep(0)
    assert iterations > 100
    assert threading.current_thread() is threading.main_thread()


async def test_the_pool_has_the_configured_number_of_threads() -> None:
    pool = Passwords(threads=2)
    await asyncio.gather(*(pool.verify(OLD.hash("x"), "x") for _ in range(8)))
    names = {thread.name for thread in threading.enumerate() if thread.name.startswith("password")}
    pool.close()
    assert names == {"password_0", "password_1"}


async def test_a_login_verifies_a_hash_even_for_an_unknown_user(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = Passwords._verify

    def record(self: Passwords, hash: str, password: str) -> bool:
        verified.append(hash)
        return verify(self, hash, password)

    monkeypatch.setattr(Passwords, "_verify", record)
    client = await make_client()
    for name in ("user", "nobody", "\u0130", "x" * 64):
        response = await client.post("/auth/login", json={"username": name, "password": "wrong"})
        assert response.status == 401
    assert len(verified) == 4
    assert len({(str(extract_parameters(hash)), len(hash)) for hash in verified}) == 1


async def test_no_password_matches_a_missing_hash(pool: Passwords) -> None:
    assert not await pool.verify(None, "")
    assert not await pool.verify(None, pool._dummy_hash)


BROKEN = {
    "plain": "password",
    "plain, and no ASCII": "p\u00e4ssword",
    "empty": "",
    "bcrypt": "$2b$12$KIXQ9q6u5m0m3pP0p0p0pOe8mJ1mF1o5bq0n5r6k7s8t9u0v1w2x3",
    "odd salt": OLD.hash("password").replace("p=1$", "p=1$\u00e4"),
    "truncated": OLD.hash("password")[:-12],
    "cut in two": OLD.hash("password")[:30],
    "no parameters": "$argon2id$v=19$$c2FsdHNhbHQ$aGFzaA",
    "odd parameters": "$argon2id$v=19$m=0,t=0,p=0$c2FsdHNhbHQ$aGFzaGhhc2g",
    "argon2i": ARGON2I.hash("password"),
}
MALFORMED_HASH = "user 1 cannot log in: the stored password is not an Argon2id hash"


async def store_hash(client: Client, hash: str) -> None:
    """Store a hash as the password of the first user."""
    await client.app[STORE].replace(USERS, 1, {"name": "user", "password": hash})


@pytest.mark.parametrize("hash", BROKEN.values(), ids=BROKEN)
async def test_a_malformed_stored_hash_gets_401_and_is_logged(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, hash: str
) -> None:
    client = await make_client()
    await store_hash(client, hash)
    for password in ("password", hash or "x"):
        response = await client.post("/auth/login", json={"username": "user", "password": password})
        assert (response.status, (await response.json())["message"]) == (401, "Username or password invalid.")
    errors = {record.getMessage() for record in caplog.records if record.levelname == "ERROR"}
    assert errors == (set() if is_hash(hash) else {MALFORMED_HASH})


async def test_a_hash_with_other_parameters_is_replaced_at_login(make_client: MakeClient) -> None:
    client = await make_client()
    await store_hash(client, OLD.hash("password"))
    store = client.app[STORE]
    for _ in range(2):
        response = await client.post("/auth/login", json={"username": "user", "password": "password"})
        assert response.status == 200
    write_only = await store.write_only_fields(USERS, 1)
    assert write_only is not None
    assert not client.app[PASSWORDS].needs_rehash(write_only["password"])
    assert await client.app[PASSWORDS].verify(write_only["password"], "password")
    assert await (await client.get("/api/users/1")).json() == {"id": 1, "name": "user"}


async def test_a_hash_is_not_replaced_after_a_wrong_password(make_client: MakeClient) -> None:
    client = await make_client()
    old = OLD.hash("password")
    await store_hash(client, old)
    assert (await client.post("/auth/login", json={"username": "user", "password": "wrong"})).status == 401
    assert await client.app[STORE].write_only_fields(USERS, 1) == {"password": old}


async def test_a_user_who_is_removed_or_changed_during_a_rehash_is_not_overwritten() -> None:
    class Slow(Passwords):
        """Passwords during whose hashing another request changes the user."""

        during_hash: Callable[[], Awaitable[Any]]

        async def hash(self, password: str) -> str:
            await self.during_hash()
            return await super().hash(password)

    store, slow = MemoryStore(), Slow(threads=1)
    await store.open([USERS])
    for name in ("removed", "changed"):
        await store.add(USERS, {"name": name, "password": OLD.hash("password")})
    authenticator = Authenticator(store, slow)
    slow.during_hash = lambda: store.remove(USERS, 1)
    assert await authenticator.authenticate("removed", "password") == 1
    new = OLD.hash("another")
    slow.during_hash = lambda: store.replace(USERS, 2, {"name": "renamed", "password": new})
    assert await authenticator.authenticate("changed", "password") == 2
    assert await store.write_only_fields(USERS, 2) == {"password": new}
    slow.close()


async def test_a_login_with_an_old_hash_succeeds_if_the_rehash_is_rejected(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await make_client()
    await store_hash(client, OLD.hash("password"))

    async def reject(self: Passwords, password: str) -> str:
        raise HTTPError(503)

    monkeypatch.setattr(Passwords, "hash", reject)
    assert (await client.post("/auth/login", json={"username": "user", "password": "password"})).status == 200


async def test_logins_beyond_the_maximum_of_pending_calls_get_503(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MAX_PENDING", 2)
    client = await make_client()

    async def log_in() -> tuple[int, str | None]:
        response = await client.post("/auth/login", json={"username": "user", "password": "password"})
        return response.status, response.headers.get("Retry-After")

    responses = await asyncio.gather(*(log_in() for _ in range(8)))
    assert {*responses} == {(200, None), (503, "1")}
    assert responses.count((200, None)) >= 2
    assert await log_in() == (200, None)


async def test_a_cancelled_call_is_no_longer_pending(pool: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_PENDING", 1)
    waiting = asyncio.create_task(pool.hash("password"))
    await asyncio.sleep(0)
    with pytest.raises(HTTPError):
        await pool.hash("password")
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await pool.verify(OLD.hash("x"), "x")


async def test_after_a_change_only_the_new_password_is_accepted(make_client: MakeClient) -> None:
    client = await make_client()
    response = await client.patch("/api/users/1", json={"password": "another one"}, headers=bearer(client))
    assert response.status == 200
    for password, status in (("another one", 200), ("password", 401)):
        response = await client.post("/auth/login", json={"username": "user", "password": password})
        assert response.status == status


def test_the_length_of_a_password_is_in_bytes() -> None:
    check_password_bytes("\u00e9" * 512)
    with pytest.raises(ValidationError, match="Longer than 1024 bytes"):
        check_password_bytes("\u00e9" * 512 + "x")
