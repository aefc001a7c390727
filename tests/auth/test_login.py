"""Login, refresh and logout, to the letter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.auth.app_keys import PASSWORDS, TOKENS
from service.auth.passwords import WAITING
from tests.support.requests import Client, bearer, error_body, status_and_message

MakeClient = Callable[..., Awaitable[Client]]

USER = {"username": "user", "password": "password"}


async def test_a_login_gives_two_tokens_of_one_session(client: Client) -> None:
    answer = await client.post("/auth/login", json=USER)
    given = await answer.json()
    assert (answer.status, given.keys()) == (200, {"access_token", "refresh_token"})
    access, refresh = (client.app[TOKENS].read(given[f"{type}_token"]) for type in ("access", "refresh"))
    assert (access.user, access.type, access.fresh) == (1, "access", True)
    assert (refresh.user, refresh.type, refresh.fresh) == (1, "refresh", False)
    assert (access.sid, access.exp - access.iat) == (refresh.sid, 15 * 60)
    assert refresh.exp - refresh.iat == 30 * 24 * 3600


async def test_a_name_logs_in_without_regard_to_case_and_a_password_does_not(client: Client) -> None:
    assert (await client.post("/auth/login", json={**USER, "username": "ＵSER"})).status == 200
    assert (await client.post("/auth/login", json={**USER, "password": "Password"})).status == 401


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(client: Client) -> None:
    said = {"error": "Unauthorized", "message": "Username or password invalid.", "code": "unauthorized"}
    for wrong in ({**USER, "password": "wrong"}, {**USER, "username": "nobody"}):
        answer = await client.post("/auth/login", json=wrong)
        assert (answer.status, await error_body(answer)) == (401, said)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_an_unknown_user_waits_for_a_hash_as_a_known_one_does(make_client: MakeClient) -> None:
    client = await make_client()
    hashes = [asyncio.create_task(client.app[PASSWORDS].hash("some password")) for _ in range(WAITING)]
    await asyncio.sleep(0)
    for name in ("user", "nobody"):
        answer = await client.post("/auth/login", json={**USER, "username": name})
        assert (await status_and_message(answer), answer.headers["Retry-After"]) == (
            (503, "Too many logins at once."),
            "1",
        )
    assert (await client.get("/api/ships/1")).status == 200
    for hash in hashes:
        hash.cancel()
    await asyncio.wait(hashes)
    assert (await client.post("/auth/login", json=USER)).status == 200


MISSING = [
    {},
    {"username": "user"},
    {"password": "password"},
    {"username": "", "password": "password"},
    {"username": "user", "password": ""},
    {"username": None, "password": "password"},
    {"username": "user", "password": None},
    {"username": ["user"]},
]
ODD = [["user"], {"$ne": ""}, 1, 0, 1.5, True, False]


async def test_who_leaves_out_name_or_password_is_told_so(make_client: MakeClient) -> None:
    client = await make_client()
    said = {"error": "Bad Request", "message": "Username or password missing.", "code": "validation_failed"}
    for document in MISSING:
        answer = await client.post("/auth/login", json=document)
        assert (answer.status, await error_body(answer)) == (400, said), document


@pytest.mark.parametrize("name", ["username", "password"])
async def test_a_name_or_password_that_is_no_text_is_never_looked_up(make_client: MakeClient, name: str) -> None:
    client = await make_client()
    for value in ODD:
        answer = await client.post("/auth/login", json={"username": "nobody", "password": "x", name: value})
        assert await status_and_message(answer) == (400, {name: ["Not a valid string."]}), value


async def test_a_login_takes_no_more_than_a_name_and_a_password(make_client: MakeClient) -> None:
    client = await make_client()
    answer = await client.post("/auth/login", json={**USER, "admin": True})
    assert await status_and_message(answer) == (400, {"admin": ["Unknown field."]})


async def test_a_password_is_taken_byte_by_byte_and_none_is_cut_off(make_client: MakeClient) -> None:
    client = await make_client()
    long, composed, decomposed = "long" * 256, "pässword", "pa\u0308ssword"
    for id, password in ((3, long), (4, composed)):
        answer = await client.post("/api/users", json={"name": f"user {id}", "password": password})
        assert answer.status == 201

    async def status(id: int, password: str) -> int:
        return (await client.post("/auth/login", json={"username": f"user {id}", "password": password})).status

    assert (await status(3, long), await status(3, long[:-1]), await status(3, long[:72])) == (200, 401, 401)
    assert (await status(4, composed), await status(4, decomposed)) == (200, 401)


async def test_a_password_beyond_1024_bytes_is_refused_before_it_is_hashed(make_client: MakeClient) -> None:
    client = await make_client()
    answer = await client.post("/auth/login", json={**USER, "password": "ä" * 512 + "x"})
    assert await status_and_message(answer) == (400, {"password": ["Longer than 1024 bytes."]})


async def test_a_refresh_token_buys_an_access_token_of_its_session(client: Client) -> None:
    refresh = bearer(client, type="refresh")
    answer = await client.post("/auth/refresh", headers=refresh)
    given = await answer.json()
    assert (answer.status, given.keys()) == (200, {"access_token"})
    bought = client.app[TOKENS].read(given["access_token"])
    session = client.app[TOKENS].read(refresh["Authorization"].removeprefix("Bearer "))
    assert (bought.user, bought.type, bought.fresh, bought.sid) == (1, "access", False, session.sid)
    again = await client.delete("/auth/logout", headers={"Authorization": f"Bearer {given['access_token']}"})
    assert again.status == 200


async def test_a_logout_ends_the_access_token_and_leaves_the_refresh_token(client: Client) -> None:
    pair = client.app[TOKENS].pair(1)
    access, refresh = ({"Authorization": f"Bearer {token}"} for token in pair)
    answer = await client.delete("/auth/logout", headers=access)
    assert (answer.status, await answer.json()) == (200, {"message": "Successfully logged out."})
    assert await revoked(client, "DELETE", "/auth/logout", access)
    assert await revoked(client, "PUT", "/api/users/1", access)
    assert (await client.post("/auth/refresh", headers=refresh)).status == 200


async def test_a_second_logout_ends_the_refresh_token_and_leaves_the_access_token(client: Client) -> None:
    pair = client.app[TOKENS].pair(1)
    access, refresh = ({"Authorization": f"Bearer {token}"} for token in pair)
    answer = await client.delete("/auth/logout2", headers=refresh)
    assert (answer.status, await answer.json()) == (200, {"message": "Successfully logged out."})
    assert await revoked(client, "DELETE", "/auth/logout2", refresh)
    assert await revoked(client, "POST", "/auth/refresh", refresh)
    assert (await client.delete("/auth/logout", headers=access)).status == 200


async def revoked(client: Client, method: str, path: str, headers: dict[str, str]) -> bool:
    answer = await client.request(method, path, headers=headers, json={})
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    said = {"error": "Token has been revoked", "message": "Log in again.", "code": "token_has_been_revoked"}
    return (answer.status, await error_body(answer)) == (401, said)


async def test_logging_out_ends_no_other_session(client: Client) -> None:
    mine, other = bearer(client), bearer(client)
    assert (await client.delete("/auth/logout", headers=mine)).status == 200
    assert (await client.delete("/auth/logout", headers=other)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "sent", "wanted"),
    [
        ("DELETE", "/auth/logout", "refresh", "access"),
        ("DELETE", "/auth/logout2", "access", "refresh"),
        ("POST", "/auth/refresh", "access", "refresh"),
        ("POST", "/api/ships", "refresh", "access"),
        ("PUT", "/api/users/1", "refresh", "access"),
    ],
)
async def test_the_wrong_kind_of_token_is_told_which_kind_is_right(
    make_client: MakeClient, method: str, path: str, sent: str, wanted: str
) -> None:
    client = await make_client()
    answer = await client.request(method, path, headers=bearer(client, type=sent), json={})
    text = f"Send the {wanted} token of a login."
    said = {"error": f"Only {wanted} tokens are allowed", "message": text, "code": f"{wanted}_token_required"} | {
        "message": f"Send the {wanted} token of a login."
    }
    assert (answer.status, await error_body(answer)) == (422, said)


async def test_nothing_under_auth_may_be_kept_or_has_a_tag(make_client: MakeClient) -> None:
    client = await make_client()
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/auth/login", {"json": USER}),
        ("POST", "/auth/login", {"json": {}}),
        ("POST", "/auth/refresh", {"headers": bearer(client, type="refresh")}),
        ("DELETE", "/auth/logout", {"headers": bearer(client)}),
        ("DELETE", "/auth/logout", {}),
        ("DELETE", "/auth/logout2", {"headers": bearer(client, type="refresh")}),
    ]
    for method, path, options in asked:
        answer = await client.request(method, path, **options)
        assert (answer.headers["Cache-Control"], "ETag" in answer.headers) == ("no-store", False), path
