"""Login, refresh and logout."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from service.auth.app_keys import PASSWORDS, TOKENS
from service.auth.passwords import MAX_PENDING
from tests.support.requests import Client, bearer, error_body, status_and_message

MakeClient = Callable[..., Awaitable[Client]]

USER = {"username": "user", "password": "password"}


async def test_a_login_returns_an_access_and_a_refresh_token_of_one_session(client: Client) -> None:
    response = await client.post("/auth/login", json=USER)
    tokens = await response.json()
    assert (response.status, tokens.keys()) == (200, {"access_token", "refresh_token"})
    access, refresh = (client.app[TOKENS].read(tokens[f"{type}_token"]) for type in ("access", "refresh"))
    assert (access.user, access.type, access.fresh) == (1, "access", True)
    assert (refresh.user, refresh.type, refresh.fresh) == (1, "refresh", False)
    assert (access.sid, access.exp - access.iat) == (refresh.sid, 15 * 60)
    assert refresh.exp - refresh.iat == 30 * 24 * 3600


async def test_the_name_is_case_insensitive_and_the_password_is_not(client: Client) -> None:
    assert (await client.post("/auth/login", json={**USER, "username": "ＵSER"})).status == 200
    assert (await client.post("/auth/login", json={**USER, "password": "Password"})).status == 401


async def test_a_wrong_password_and_an_unknown_user_get_the_same_response(client: Client) -> None:
    expected = {"error": "Unauthorized", "message": "Username or password invalid.", "code": "unauthorized"}
    for document in ({**USER, "password": "wrong"}, {**USER, "username": "nobody"}):
        response = await client.post("/auth/login", json=document)
        assert (response.status, await error_body(response)) == (401, expected)
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_login_gets_503_while_too_many_hashes_are_pending_even_for_an_unknown_user(
    make_client: MakeClient,
) -> None:
    client = await make_client()
    hashes = [asyncio.create_task(client.app[PASSWORDS].hash("some password")) for _ in range(MAX_PENDING)]
    await asyncio.sleep(0)
    for name in ("user", "nobody"):
        response = await client.post("/auth/login", json={**USER, "username": name})
        assert (await status_and_message(response), response.headers["Retry-After"]) == (
            (503, "Too many logins at once."),
            "1",
        )
    assert (await client.get("/api/ships/1")).status == 200
    for hash in hashes:
        hash.cancel()
    await asyncio.wait(hashes)
    assert (await client.post("/auth/login", json=USER)).status == 200


INCOMPLETE = [
    {},
    {"username": "user"},
    {"password": "password"},
    {"username": "", "password": "password"},
    {"username": "user", "password": ""},
    {"username": None, "password": "password"},
    {"username": "user", "password": None},
    {"username": ["user"]},
]
NOT_STRINGS = [["user"], {"$ne": ""}, 1, 0, 1.5, True, False]


async def test_a_missing_name_or_password_gets_400(make_client: MakeClient) -> None:
    client = await make_client()
    expected = {"error": "Bad Request", "message": "Username or password missing.", "code": "validation_failed"}
    for document in INCOMPLETE:
        response = await client.post("/auth/login", json=document)
        assert (response.status, await error_body(response)) == (400, expected), document


@pytest.mark.parametrize("name", ["username", "password"])
async def test_a_name_or_password_that_is_not_a_string_gets_400(make_client: MakeClient, name: str) -> None:
    client = await make_client()
    for value in NOT_STRINGS:
        response = await client.post("/auth/login", json={"username": "nobody", "password": "x", name: value})
        assert await status_and_message(response) == (400, {name: ["Not a valid string."]}), value


async def test_an_unknown_field_in_a_login_gets_400(make_client: MakeClient) -> None:
    client = await make_client()
    response = await client.post("/auth/login", json={**USER, "admin": True})
    assert await status_and_message(response) == (400, {"admin": ["Unknown field."]})


async def test_passwords_are_neither_normalized_nor_truncated(make_client: MakeClient) -> None:
    client = await make_client()
    long, composed, decomposed = "long" * 256, "pässword", "pa\u0308ssword"
    for id, password in ((3, long), (4, composed)):
        response = await client.post("/api/users", json={"name": f"user {id}", "password": password})
        assert response.status == 201

    async def status(id: int, password: str) -> int:
        return (await client.post("/auth/login", json={"username": f"user {id}", "password": password})).status

    assert (await status(3, long), await status(3, long[:-1]), await status(3, long[:72])) == (200, 401, 401)
    assert (await status(4, composed), await status(4, decomposed)) == (200, 401)


async def test_a_password_longer_than_1024_bytes_gets_400(make_client: MakeClient) -> None:
    client = await make_client()
    response = await client.post("/auth/login", json={**USER, "password": "ä" * 512 + "x"})
    assert await status_and_message(response) == (400, {"password": ["Longer than 1024 bytes."]})


async def test_a_refresh_returns_an_access_token_of_the_same_session(client: Client) -> None:
    refresh = bearer(client, type="refresh")
    response = await client.post("/auth/refresh", headers=refresh)
    tokens = await response.json()
    assert (response.status, tokens.keys()) == (200, {"access_token"})
    renewed = client.app[TOKENS].read(tokens["access_token"])
    session = client.app[TOKENS].read(refresh["Authorization"].removeprefix("Bearer "))
    assert (renewed.user, renewed.type, renewed.fresh, renewed.sid) == (1, "access", False, session.sid)
    again = await client.delete("/auth/logout", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert again.status == 200


async def test_logout_revokes_the_access_token_but_not_the_refresh_token(client: Client) -> None:
    pair = client.app[TOKENS].pair(1)
    access, refresh = ({"Authorization": f"Bearer {token}"} for token in pair)
    response = await client.delete("/auth/logout", headers=access)
    assert (response.status, await response.json()) == (200, {"message": "Successfully logged out."})
    assert await revoked(client, "DELETE", "/auth/logout", access)
    assert await revoked(client, "PUT", "/api/users/1", access)
    assert (await client.post("/auth/refresh", headers=refresh)).status == 200


async def test_logout2_revokes_the_refresh_token_but_not_the_access_token(client: Client) -> None:
    pair = client.app[TOKENS].pair(1)
    access, refresh = ({"Authorization": f"Bearer {token}"} for token in pair)
    response = await client.delete("/auth/logout2", headers=refresh)
    assert (response.status, await response.json()) == (200, {"message": "Successfully logged out."})
    assert await revoked(client, "DELETE", "/auth/logout2", refresh)
    assert await revoked(client, "POST", "/auth/refresh", refresh)
    assert (await client.delete("/auth/logout", headers=access)).status == 200


async def revoked(client: Client, method: str, path: str, headers: dict[str, str]) -> bool:
    response = await client.request(method, path, headers=headers, json={})
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    expected = {"error": "Token has been revoked", "message": "Log in again.", "code": "token_has_been_revoked"}
    return (response.status, await error_body(response)) == (401, expected)


async def test_a_logout_does_not_affect_other_sessions(client: Client) -> None:
    headers, other = bearer(client), bearer(client)
    assert (await client.delete("/auth/logout", headers=headers)).status == 200
    assert (await client.delete("/auth/logout", headers=other)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "sent", "required"),
    [
        ("DELETE", "/auth/logout", "refresh", "access"),
        ("DELETE", "/auth/logout2", "access", "refresh"),
        ("POST", "/auth/refresh", "access", "refresh"),
        ("POST", "/api/ships", "refresh", "access"),
        ("PUT", "/api/users/1", "refresh", "access"),
    ],
)
async def test_the_wrong_type_of_token_gets_422_with_the_required_type(
    make_client: MakeClient, method: str, path: str, sent: str, required: str
) -> None:
    client = await make_client()
    response = await client.request(method, path, headers=bearer(client, type=sent), json={})
    expected = {
        "error": f"Only {required} tokens are allowed",
        "message": f"Send the {required} token of a login.",
        "code": f"{required}_token_required",
    }
    assert (response.status, await error_body(response)) == (422, expected)


async def test_auth_responses_have_no_store_and_no_etag(make_client: MakeClient) -> None:
    client = await make_client()
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/auth/login", {"json": USER}),
        ("POST", "/auth/login", {"json": {}}),
        ("POST", "/auth/refresh", {"headers": bearer(client, type="refresh")}),
        ("DELETE", "/auth/logout", {"headers": bearer(client)}),
        ("DELETE", "/auth/logout", {}),
        ("DELETE", "/auth/logout2", {"headers": bearer(client, type="refresh")}),
    ]
    for method, path, options in requests:
        response = await client.request(method, path, **options)
        assert (response.headers["Cache-Control"], "ETag" in response.headers) == ("no-store", False), path


async def test_a_name_of_more_than_64_characters_is_an_error_before_it_is_normalized(make_client: MakeClient) -> None:
    client = await make_client()
    credentials = {"username": "\u0345" * 16_300 + "\u0334" * 16_300, "password": "password"}
    headers = {"Content-Type": "application/json"}
    response = await client.post("/auth/login", data=orjson.dumps(credentials), headers=headers)
    assert await status_and_message(response) == (400, {"username": ["Length must be between 1 and 64."]})
