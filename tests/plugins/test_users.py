"""Users: the five routes of the example, and whose record may be changed by whom."""

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
    answer = await client.get("/api/users")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert await answer.read() == b'[{"id":1,"name":"user"},{"id":2,"name":"guest"}]'


async def test_one_user_is_read_by_id(client: Client) -> None:
    answer = await client.get("/api/users/2")
    assert (answer.status, await answer.read()) == (200, b'{"id":2,"name":"guest"}')


async def test_a_user_who_is_not_there_is_404(client: Client) -> None:
    answer = await client.get("/api/users/3")
    assert (answer.status, await error_body(answer)) == (404, NOT_FOUND)


async def test_anyone_can_sign_up_and_log_in(client: Client) -> None:
    answer = await client.post("/api/users", json=NEW)
    assert (answer.status, await answer.read()) == (201, b'{"id":3,"name":"new user"}')
    assert answer.headers["Location"] == str(client.make_url("/api/users/3"))
    given = await client.post("/auth/login", json={"username": "new user", "password": "secret"})
    assert given.status == 200


async def test_a_name_is_taken_in_any_case_and_form(client: Client) -> None:
    for name in ("user", "User", "USER", "ｕｓｅｒ"):
        answer = await client.post("/api/users", json={**NEW, "name": name})
        assert (answer.status, await error_body(answer)) == TAKEN, name
    assert len(await (await client.get("/api/users")).json()) == 2


async def test_a_look_alike_of_another_alphabet_is_another_name(client: Client) -> None:
    answer = await client.post("/api/users", json={**NEW, "name": "usеr"})  # with a Cyrillic letter
    assert answer.status == 201


async def test_one_changes_ones_own_name_and_password(client: Client) -> None:
    changed = {"name": "fancy new name", "password": "more secret"}
    answer = await client.put("/api/users/1", json=changed, headers=bearer(client))
    assert (answer.status, await answer.read()) == (200, b'{"id":1,"name":"fancy new name"}')
    for name, password, status in (("user", "password", 401), ("fancy new name", "more secret", 200)):
        given = await client.post("/auth/login", json={"username": name, "password": password})
        assert given.status == status


async def test_one_keeps_ones_own_name_in_another_case(client: Client) -> None:
    answer = await client.put("/api/users/1", json={**NEW, "name": "USER"}, headers=bearer(client))
    assert (answer.status, await answer.json()) == (200, {"id": 1, "name": "USER"})


async def test_one_cannot_take_the_name_of_another(client: Client) -> None:
    for method, name in (("PUT", "guest"), ("PUT", "ＧＵＥＳＴ"), ("PATCH", "Guest")):
        answer = await client.request(method, "/api/users/1", json={**NEW, "name": name}, headers=bearer(client))
        assert (answer.status, await error_body(answer)) == TAKEN, (method, name)
    for name, password in (("user", "password"), ("guest", "guest")):
        given = await client.post("/auth/login", json={"username": name, "password": password})
        assert given.status == 200


async def test_a_new_name_leaves_the_password_alone(client: Client) -> None:
    answer = await client.patch("/api/users/1", json={"name": "renamed"}, headers=bearer(client))
    assert (answer.status, await answer.json()) == (200, {"id": 1, "name": "renamed"})
    given = await client.post("/auth/login", json={"username": "renamed", "password": "password"})
    assert given.status == 200


async def test_nobody_touches_anothers_record_there_or_not(client: Client) -> None:
    for method, id in product(("PUT", "PATCH", "DELETE"), (2, 99)):
        answer = await client.request(method, f"/api/users/{id}", json=NEW, headers=bearer(client))
        assert (answer.status, await error_body(answer)) == (403, NOT_OWNER)
    assert await (await client.get("/api/users")).json() == [{"id": 1, "name": "user"}, {"id": 2, "name": "guest"}]


async def test_one_removes_oneself_once(client: Client) -> None:
    mine = bearer(client)
    answer = await client.delete("/api/users/1", headers=mine)
    assert (answer.status, await answer.read()) == (204, b"")
    assert "Content-Type" not in answer.headers
    for method, body in (("DELETE", None), ("PUT", NEW), ("PATCH", {"name": "again"})):
        answer = await client.request(method, "/api/users/1", json=body, headers=mine)
        assert (answer.status, await error_body(answer)) == (404, NOT_FOUND)
    assert await (await client.get("/api/users")).json() == [{"id": 2, "name": "guest"}]
    assert (await client.post("/auth/login", json={"username": "user", "password": "password"})).status == 401


async def test_a_name_can_be_had_again_when_its_user_is_gone(client: Client) -> None:
    await client.delete("/api/users/1", headers=bearer(client))
    answer = await client.post("/api/users", json={"name": "User", "password": "secret"})
    assert (answer.status, (await answer.json())["id"]) == (201, 3)


async def test_an_id_is_never_given_twice_and_an_old_token_opens_nothing(client: Client) -> None:
    await client.post("/api/users", json=NEW)
    third = bearer(client, 3)
    for id in (1, 2, 3):
        await client.delete(f"/api/users/{id}", headers=bearer(client, id))
    answer = await client.post("/api/users", json=NEW)
    assert (await answer.json())["id"] == 4
    assert (await client.put("/api/users/4", json=NEW, headers=third)).status == 401
    assert (await client.put("/api/users/3", json=NEW, headers=third)).status == 404
    assert await (await client.get("/api/users")).json() == [{"id": 4, "name": "new user"}]


@pytest.mark.parametrize("store_url", ["sqlite", "postgres"], indirect=True)
async def test_an_id_is_not_given_again_after_a_restart(make_client: MakeClient, store_url: str) -> None:
    first = await make_client(store=store_url)
    await first.post("/api/users", json=NEW)
    await first.delete("/api/users/3", headers=bearer(first, 3))
    await first.close()
    second = await make_client(store=store_url)
    answer = await second.post("/api/users", json=NEW)
    assert (await answer.json())["id"] == 4


WRONG: list[tuple[dict[str, Any], Any]] = [
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


async def test_what_is_wrong_with_a_user_is_said_by_field_and_nothing_is_kept(make_client: MakeClient) -> None:
    client = await make_client()
    mine = bearer(client)
    for part, message in WRONG:
        for method, path in (("POST", "/api/users"), ("PUT", "/api/users/1"), ("PATCH", "/api/users/1")):
            if method == "PATCH" and part == {"name": None}:
                continue  # to a merge patch null means: take it away
            answer = await client.request(method, path, json={**NEW, **part}, headers=mine)
            assert await status_and_message(answer) == (400, message), (method, part)
    answer = await client.get("/api/users")
    assert await answer.json() == [{"id": 1, "name": "user"}, {"id": 2, "name": "guest"}]


@pytest.mark.parametrize("missing", ["name", "password"])
async def test_a_user_has_a_name_and_a_password(make_client: MakeClient, missing: str) -> None:
    client = await make_client()
    document = {name: value for name, value in NEW.items() if name != missing}
    for method, path in (("POST", "/api/users"), ("PUT", "/api/users/1")):
        answer = await client.request(method, path, json=document, headers=bearer(client))
        assert await status_and_message(answer) == (400, {missing: ["Missing data for required field."]})


async def test_a_new_user_cannot_choose_the_id(make_client: MakeClient) -> None:
    client = await make_client()
    answer = await client.post("/api/users", json={**NEW, "id": 7})
    assert await status_and_message(answer) == (400, {"id": ["Unknown field."]})


async def test_the_id_of_a_change_has_to_match(make_client: MakeClient) -> None:
    client = await make_client()
    mine = bearer(client)
    for method in ("PUT", "PATCH"):
        for id in (2, 0, "1", 1.0, True, None, [1]):
            answer = await client.request(method, "/api/users/1", json={**NEW, "id": id}, headers=mine)
            assert await status_and_message(answer) == (400, "Request data id has to match resource id."), (method, id)
        answer = await client.request(method, "/api/users/1", json={**NEW, "id": 1}, headers=mine)
        assert answer.status == 200


async def test_production_wants_longer_passwords(make_client: MakeClient) -> None:
    client = await make_client(passwords={"min_length": 8})
    answer = await client.post("/api/users", json={**NEW, "password": "1234567"})
    assert await status_and_message(answer) == (400, {"password": ["Shorter than minimum length 8."]})
    assert (await client.post("/api/users", json={**NEW, "password": "12345678"})).status == 201


async def test_a_password_is_kept_as_an_argon2id_hash_only(client: Client) -> None:
    await client.post("/api/users", json=NEW)
    async for record, hidden in client.app[STORE].scan(USERS):
        assert b"password" not in record.body
        assert str(hidden["password"]).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
