"""Passwords: the loop never waits for a hash, an unknown user costs what a known one costs, no stored hash is a 500."""

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
WRONG_KIND = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.I)


@pytest.fixture
def pool() -> Iterator[Passwords]:
    pool = Passwords(threads=1)
    yield pool
    pool.close()


async def test_a_hash_is_argon2id_with_the_parameters_of_today(pool: Passwords) -> None:
    hash = await pool.hash("password")
    parameters = extract_parameters(hash)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        Type.ID,
        19456,
        2,
        1,
    )
    assert is_hash(hash)
    assert not pool.outdated(hash)
    assert await pool.hash("password") != hash


async def test_a_password_belongs_to_its_hash_and_to_no_other(pool: Passwords) -> None:
    hash = OLD.hash("p\u00e4ssword")
    assert await pool.verify(hash, "p\u00e4ssword")
    for wrong in ("p\u00e4ssworD", "pa\u0308ssword", "", "p\u00e4ssword ", "x" * 1024):
        assert not await pool.verify(hash, wrong)


async def test_the_loop_goes_on_while_a_password_is_hashed(pool: Passwords) -> None:
    hashing = asyncio.create_task(pool.hash("password"))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 100
    assert threading.current_thread() is threading.main_thread()


async def test_hashes_are_made_by_as_many_threads_as_agreed() -> None:
    pool = Passwords(threads=2)
    await asyncio.gather(*(pool.verify(OLD.hash("x"), "x") for _ in range(8)))
    names = {thread.name for thread in threading.enumerate() if thread.name.startswith("password")}
    pool.close()
    assert names == {"password_0", "password_1"}


async def test_a_login_costs_the_same_work_whoever_it_is(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = Passwords._verify

    def watch(self: Passwords, hash: str, password: str) -> bool:
        verified.append(hash)
        return verify(self, hash, password)

    monkeypatch.setattr(Passwords, "_verify", watch)
    client = await make_client()
    for name in ("user", "nobody", "\u0130", "x" * 10_000):
        answer = await client.post("/auth/login", json={"username": name, "password": "wrong"})
        assert answer.status == 401
    assert len(verified) == 4
    assert len({(str(extract_parameters(hash)), len(hash)) for hash in verified}) == 1


async def test_no_password_belongs_to_nobody(pool: Passwords) -> None:
    assert not await pool.verify(None, "")
    assert not await pool.verify(None, pool._nobody)


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
    "argon2i": WRONG_KIND.hash("password"),
}
NO_HASH = "user 1 cannot log in: what is kept as the password is no Argon2id hash"


async def keep(client: Client, hash: str) -> None:
    """Keep this as the first user's password."""
    await client.app[STORE].replace(USERS, 1, {"name": "user", "password": hash})


@pytest.mark.parametrize("hash", BROKEN.values(), ids=BROKEN)
async def test_a_stored_hash_that_is_none_lets_nobody_in_and_is_logged(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, hash: str
) -> None:
    client = await make_client()
    await keep(client, hash)
    for password in ("password", hash or "x"):
        answer = await client.post("/auth/login", json={"username": "user", "password": password})
        assert (answer.status, (await answer.json())["message"]) == (401, "Username or password invalid.")
    errors = {record.getMessage() for record in caplog.records if record.levelname == "ERROR"}
    assert errors == (set() if is_hash(hash) else {NO_HASH})


async def test_a_hash_with_other_parameters_is_made_anew_at_login(make_client: MakeClient) -> None:
    client = await make_client()
    await keep(client, OLD.hash("password"))
    store = client.app[STORE]
    for _ in range(2):
        answer = await client.post("/auth/login", json={"username": "user", "password": "password"})
        assert answer.status == 200
    hidden = await store.write_only_fields(USERS, 1)
    assert hidden is not None
    assert not client.app[PASSWORDS].outdated(hidden["password"])
    assert await client.app[PASSWORDS].verify(hidden["password"], "password")
    assert await (await client.get("/api/users/1")).json() == {"id": 1, "name": "user"}


async def test_a_wrong_password_makes_no_hash_anew(make_client: MakeClient) -> None:
    client = await make_client()
    old = OLD.hash("password")
    await keep(client, old)
    assert (await client.post("/auth/login", json={"username": "user", "password": "wrong"})).status == 401
    assert await client.app[STORE].write_only_fields(USERS, 1) == {"password": old}


async def test_a_user_who_leaves_or_changes_while_the_hash_is_made_anew_is_left_as_they_are() -> None:
    class Slow(Passwords):
        """Somebody is faster."""

        meanwhile: Callable[[], Awaitable[Any]]

        async def hash(self, password: str) -> str:
            await self.meanwhile()
            return await super().hash(password)

    store, slow = MemoryStore(), Slow(threads=1)
    await store.open([USERS])
    for name in ("leaves", "changes"):
        await store.add(USERS, {"name": name, "password": OLD.hash("password")})
    accounts = Authenticator(store, slow)
    slow.meanwhile = lambda: store.remove(USERS, 1)
    assert await accounts.authenticate("leaves", "password") == 1
    new = OLD.hash("another")
    slow.meanwhile = lambda: store.replace(USERS, 2, {"name": "changed", "password": new})
    assert await accounts.authenticate("changes", "password") == 2
    assert await store.write_only_fields(USERS, 2) == {"password": new}
    slow.close()


async def test_a_login_with_an_old_hash_does_not_fail_when_too_many_wait(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await make_client()
    await keep(client, OLD.hash("password"))

    async def busy(self: Passwords, password: str) -> str:
        raise HTTPError(503)

    monkeypatch.setattr(Passwords, "hash", busy)
    assert (await client.post("/auth/login", json={"username": "user", "password": "password"})).status == 200


async def test_more_than_agreed_do_not_wait(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING", 2)
    client = await make_client()

    async def log_in() -> tuple[int, str | None]:
        answer = await client.post("/auth/login", json={"username": "user", "password": "password"})
        return answer.status, answer.headers.get("Retry-After")

    answers = await asyncio.gather(*(log_in() for _ in range(8)))
    assert {*answers} == {(200, None), (503, "1")}
    assert answers.count((200, None)) >= 2
    assert await log_in() == (200, None)


async def test_who_stops_waiting_makes_room_for_others(pool: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING", 1)
    waiting = asyncio.create_task(pool.hash("password"))
    await asyncio.sleep(0)
    with pytest.raises(HTTPError):
        await pool.hash("password")
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await pool.verify(OLD.hash("x"), "x")


async def test_a_password_that_is_changed_logs_in_and_the_old_one_does_not(make_client: MakeClient) -> None:
    client = await make_client()
    answer = await client.patch("/api/users/1", json={"password": "another one"}, headers=bearer(client))
    assert answer.status == 200
    for password, status in (("another one", 200), ("password", 401)):
        answer = await client.post("/auth/login", json={"username": "user", "password": password})
        assert answer.status == status


def test_a_password_is_measured_in_bytes() -> None:
    check_password_bytes("\u00e9" * 512)
    with pytest.raises(ValidationError, match="Longer than 1024 bytes"):
        check_password_bytes("\u00e9" * 512 + "x")
