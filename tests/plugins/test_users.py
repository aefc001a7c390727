"""The routes of the users plugin, and who may change which record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest

from service.auth.users import USERS
from service.http.app_keys import STORE
from tests.support.requests import Client, bearer, error_body, status_and_message

NOT_FOUND = {"error": "Not Found", "message": "There is no record with this id.", "code": "not_found"}
NOT_OWNER = {
    "error": "Forbidden",
    "message": "Only the user with this id has access to this.",
    "code": "forbidden",
}

MakeClient = Callable[..., Awaitable[Client]]

NEW = {"name": "new user", "password": "secret"}
TAKEN = (400, {"error": "Bad Request", "message": "User already exists.", "code": "already_exists"})


async def test_all_users_are_listed_by_id_and_name(client: Client) -> None:
    response = await client.get("/api/users")
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    assert await response.read() == b'[{"id":1,"name":"user"},{"id":2,"name":"guest"}]'


async def test_a_user_is_read_by_id(client: Client) -> None:
    response = await client.get("/api/users/2")
    assert (response.status, await response.read()) == (200, b'{"id":2,"name":"guest"}')


async def test_an_unknown_id_gets_404(client: Client) -> None:
    response = await client.get("/api/users/3")
    assert (response.status, await error_body(response)) == (404, NOT_FOUND)


async def test_anyone_can_sign_up_and_log_in(client: Client) -> None:
    response = await client.post("/api/users", json=NEW)
    assert (response.status, await response.read()) == (201, b'{"id":3,"name":"new user"}')
    assert response.headers["Location"] == str(client.make_url("/api/users/3"))
    login = await client.post("/auth/login", json={"username": "new user", "password": "secret"})
    assert login.status == 200


async def test_names_are_unique_regardless_of_case_and_width(client: Client) -> None:
    for name in ("user", "User", "USER", "ｕｓｅｒ"):
        response = await client.post("/api/users", json={**NEW, "name": name})
        assert (response.status, await error_body(response)) == TAKEN, name
    assert len(await (await client.get("/api/users")).json()) == 2


async def test_a_name_with_a_similar_letter_of_another_alphabet_is_a_different_name(client: Client) -> None:
    response = await client.post("/api/users", json={**NEW, "name": "usеr"})  # with a Cyrillic letter
    assert response.status == 201


async def test_users_can_change_their_name_and_password(client: Client) -> None:
    changed = {"name": "fancy new name", "password": "more secret"}
    response = await client.put("/api/users/1", json=changed, headers=bearer(client))
    assert (response.status, await response.read()) == (200, b'{"id":1,"name":"fancy new name"}')
    for name, password, status in (("user", "password", 401), ("fancy new name", "more secret", 200)):
        login = await client.post("/auth/login", json={"username": name, "password": password})
        assert login.status == status


async def test_users_can_change_the_case_of_their_name(client: Client) -> None:
    response = await client.put("/api/users/1", json={**NEW, "name": "USER"}, headers=bearer(client))
    assert (response.status, await response.json()) == (200, {"id": 1, "name": "USER"})


async def test_users_cannot_take_the_name_of_another_user(client: Client) -> None:
    for method, name in (("PUT", "guest"), ("PUT", "ＧＵＥＳＴ"), ("PATCH", "Guest")):
        response = await client.request(method, "/api/users/1", json={**NEW, "name": name}, headers=bearer(client))
        assert (response.status, await error_body(response)) == TAKEN, (method, name)
    for name, password in (("user", "password"), ("guest", "guest")):
        login = await client.post("/auth/login", json={"username": name, "password": password})
        assert login.status == 200


async def test_a_patch_of_the_name_does_not_change_the_password(client: Client) -> None:
    response = await client.patch("/api/users/1", json={"name": "renamed"}, headers=bearer(client))
    assert (response.status, await response.json()) == (200, {"id": 1, "name": "renamed"})
    login = await client.post("/auth/login", json={"username": "renamed", "password": "password"})
    assert login.status == 200


async def test_changes_of_other_records_get_403_whether_they_exist_or_not(client: Client) -> None:
    for method, id in product(("PUT", "PATCH", "DELETE"), (2, 99)):
        response = await client.request(method, f"/api/users/{id}", json=NEW, headers=bearer(client))
        assert (response.status, await error_body(response)) == (403, NOT_OWNER)
    assert await (await client.get("/api/users")).json() == [{"id": 1, "name": "user"}, {"id": 2, "name": "guest"}]


async def test_a_user_who_removed_the_own_record_gets_404_afterwards(client: Client) -> None:
    headers = bearer(client)
    response = await client.delete("/api/users/1", headers=headers)
    assert (response.status, await response.read()) == (204, b"")
    assert "Content-Type" not in response.headers
    for method, body in (("DELETE", None), ("PUT", NEW), ("PATCH", {"name": "again"})):
        response = await client.request(method, "/api/users/1", json=body, headers=headers)
        assert (response.status, await error_body(response)) == (404, NOT_FOUND)
    assert await (await client.get("/api/users")).json() == [{"id": 2, "name": "guest"}]
    assert (await client.post("/auth/login", json={"username": "user", "password": "password"})).status == 401


async def test_the_name_of_a_removed_user_can_be_used_again(client: Client) -> None:
    await client.delete("/api/users/1", headers=bearer(client))
    response = await client.post("/api/users", json={"name": "User", "password": "secret"})
    assert (response.status, (await response.json())["id"]) == (201, 3)


async def test_ids_are_not_reused_and_the_token_of_a_removed_user_is_rejected(client: Client) -> None:
    await client.post("/api/users", json=NEW)
    third = bearer(client, 3)
    for id in (1, 2, 3):
        await client.delete(f"/api/users/{id}", headers=bearer(client, id))
    response = await client.post("/api/users", json=NEW)
    assert (await response.json())["id"] == 4
    assert (await client.put("/api/users/4", json=NEW, headers=third)).status == 401
    assert (await client.put("/api/users/3", json=NEW, headers=third)).status == 404
    assert await (await client.get("/api/users")).json() == [{"id": 4, "name": "new user"}]


@pytest.mark.parametrize("store_url", ["sqlite", "postgres"], indirect=True)
async def test_ids_are_not_reused_after_a_restart(make_client: MakeClient, store_url: str) -> None:
    first = await make_client(store=store_url)
    await first.post("/api/users", json=NEW)
    await first.delete("/api/users/3", headers=bearer(first, 3))
    await first.close()
    second = await make_client(store=store_url)
    response = await second.post("/api/users", json=NEW)
    assert (await response.json())["id"] == 4


INVALID: list[tuple[dict[str, Any], Any]] = [
    ({"name": "x"}, {"name": ["Shorter than minimum length 2."]}),
    ({"name": "x" * 65}, {"name": ["Longer than maximum length 64."]}),
    ({"name": "   "}, {"name": ["Must not be blank."]}),
    ({"name": "\u200b\u202e"}, {"name": ["Must not be blank."]}),
    ({"name": "a\nb"}, {"name": ["Must not contain control characters."]}),
    ({"name": None}, {"name": ["Field may not be null."]}),
    ({"name": 12}, {"name": ["Not a valid string."]}),
    ({"password": "abc"}, {"password": ["Shorter than minimum length 4."]}),
    ({"password": "ä" * 512 + "x"}, {"password": ["Longer than 1024 bytes."]}),
    ({"password": None}, {"password": ["Field may not be null."]}),
    ({"password": ["secret"]}, {"password": ["Not a valid string."]}),
    ({"role": "admin"}, {"role": ["Unknown field."]}),
    ({"admin": True}, {"admin": ["Unknown field."]}),
    ({"owner": 1}, {"owner": ["Unknown field."]}),
    ({"password_hash": "$argon2id$"}, {"password_hash": ["Unknown field."]}),
    ({"version": 1}, {"version": ["Unknown field."]}),
]


async def test_invalid_fields_are_reported_by_field_and_nothing_is_stored(make_client: MakeClient) -> None:
    client = await make_client()
    headers = bearer(client)
    for part, message in INVALID:
        for method, path in (("POST", "/api/users"), ("PUT", "/api/users/1"), ("PATCH", "/api/users/1")):
            if method == "PATCH" and part == {"name": None}:
                continue  # in a merge patch, null removes a field
            response = await client.request(method, path, json={**NEW, **part}, headers=headers)
            assert await status_and_message(response) == (400, message), (method, part)
    response = await client.get("/api/users")
    assert await response.json() == [{"id": 1, "name": "user"}, {"id": 2, "name": "guest"}]


@pytest.mark.parametrize("missing", ["name", "password"])
async def test_name_and_password_are_required(make_client: MakeClient, missing: str) -> None:
    client = await make_client()
    document = {name: value for name, value in NEW.items() if name != missing}
    for method, path in (("POST", "/api/users"), ("PUT", "/api/users/1")):
        response = await client.request(method, path, json=document, headers=bearer(client))
        assert await status_and_message(response) == (400, {missing: ["Missing data for required field."]})


async def test_the_id_of_a_new_user_cannot_be_set(make_client: MakeClient) -> None:
    client = await make_client()
    response = await client.post("/api/users", json={**NEW, "id": 7})
    assert await status_and_message(response) == (400, {"id": ["Unknown field."]})


async def test_the_id_in_a_change_must_match_the_path(make_client: MakeClient) -> None:
    client = await make_client()
    headers = bearer(client)
    for method in ("PUT", "PATCH"):
        for id in (2, 0, "1", 1.0, True, None, [1]):
            response = await client.request(method, "/api/users/1", json={**NEW, "id": id}, headers=headers)
            assert await status_and_message(response) == (400, "Request data id has to match resource id."), (
                method,
                id,
            )
        response = await client.request(method, "/api/users/1", json={**NEW, "id": 1}, headers=headers)
        assert response.status == 200


async def test_the_minimum_length_of_passwords_is_configurable(make_client: MakeClient) -> None:
    client = await make_client(passwords={"min_length": 8})
    response = await client.post("/api/users", json={**NEW, "password": "1234567"})
    assert await status_and_message(response) == (400, {"password": ["Shorter than minimum length 8."]})
    assert (await client.post("/api/users", json={**NEW, "password": "12345678"})).status == 201


async def test_passwords_are_stored_only_as_argon2id_hashes(client: Client) -> None:
    await client.post("/api/users", json=NEW)
    async for record, write_only in client.app[STORE].scan(USERS):
        assert b"password" not in record.body
        assert str(write_only["password"]).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
