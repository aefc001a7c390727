"""Writes of users: a password is hashed only if the write may be done, because a hash is expensive."""

from __future__ import annotations

from typing import Any

import pytest

from service import USERS
from service.auth.app_keys import PASSWORDS
from service.http.app_keys import STORE
from service.rest.resource import MAX_ATTEMPTS
from service.store.base import Operation, Record, Replace
from tests.support.requests import Client, bearer

NEW = {"name": "new user", "password": "password"}


@pytest.fixture
def hashed(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords hashed by the service so far."""
    passwords: list[str] = []
    original = client.app[PASSWORDS].hash

    async def spy(password: str) -> str:
        passwords.append(password)
        return await original(password)

    monkeypatch.setattr(client.app[PASSWORDS], "hash", spy)
    return passwords


async def test_a_replayed_post_hashes_no_password(client: Client, hashed: list[str]) -> None:
    responses = [await client.post("/api/users", json=NEW, headers={"Idempotency-Key": "key-1"}) for _ in range(3)]
    assert [(response.status, (await response.json())["id"]) for response in responses] == [(201, 3)] * 3
    assert hashed == ["password"]


async def test_an_idempotency_key_reused_with_another_body_hashes_no_password(
    client: Client, hashed: list[str]
) -> None:
    for body, status in ((NEW, 201), ({**NEW, "name": "another"}, 422)):
        assert (await client.post("/api/users", json=body, headers={"Idempotency-Key": "key-1"})).status == status
    assert hashed == ["password"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_write_with_a_stale_if_match_hashes_no_password(client: Client, hashed: list[str], method: str) -> None:
    current = (await client.get("/api/users/1")).headers["ETag"]
    expected: list[str] = []
    for tag, status in (('"stale"', 412), (current, 200)):
        headers = {**bearer(client), "If-Match": tag}
        response = await client.request(method, "/api/users/1", json={**NEW, "name": "user"}, headers=headers)
        assert response.status == status
        expected += ["password"] * (status == 200)
        assert hashed == expected


def write_before(client: Client, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Before each of the next writes of the service, let another one change the name of user 1."""
    store = client.app[STORE]
    original, names = store.write, iter(range(times))

    async def write(*operations: Operation, **options: Any) -> list[Record | None]:
        if (name := next(names, None)) is not None:
            await original(Replace(USERS, 1, {"name": f"other {name}"}))
        return await original(*operations, **options)

    monkeypatch.setattr(store, "write", write)


async def test_a_patch_that_is_applied_again_after_other_writes_hashes_its_password_once(
    client: Client, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_before(client, monkeypatch, MAX_ATTEMPTS - 1)
    response = await client.patch("/api/users/1", json={"password": "changed"}, headers=bearer(client))
    assert (response.status, (await response.json())["name"]) == (200, f"other {MAX_ATTEMPTS - 2}")
    assert hashed == ["changed"]
    credentials = {"username": f"other {MAX_ATTEMPTS - 2}", "password": "changed"}
    assert (await client.post("/auth/login", json=credentials)).status == 200


async def test_a_patch_gives_up_after_too_many_other_writes(
    client: Client, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_before(client, monkeypatch, MAX_ATTEMPTS)
    response = await client.patch("/api/users/1", json={"password": "changed"}, headers=bearer(client))
    assert (response.status, "ETag" in response.headers) == (412, True)
    assert hashed == ["changed"]
