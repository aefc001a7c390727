"""The Authorization header: which credentials are accepted, and the responses to missing and invalid ones."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import pytest
from multidict import CIMultiDict

from service.auth.app_keys import TOKENS
from service.auth.tokens import Tokens
from service.http.app_keys import STORE
from service.testing import SECRET, settings_for_tests
from tests.support.requests import SHIP, Client, bearer, error_body

MakeClient = Callable[..., Awaitable[Client]]

MISSING = "Missing Authorization Header"
UNSUPPORTED = "Unsupported Authorization Scheme"
INVALID = {"error": "Token is invalid", "message": "This service did not issue this token.", "code": "token_is_invalid"}
EXPIRED = {
    "error": "Token has expired",
    "message": "Refresh the access token, or log in again.",
    "code": "token_has_expired",
}
CHALLENGE = 'Bearer error="invalid_token"'


def token_of(client: Client) -> str:
    return client.app[TOKENS].pair(1).access


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_is_case_insensitive(make_client: MakeClient, scheme: str) -> None:
    client = await make_client()
    headers = {"Authorization": f"{scheme} {token_of(client)}"}
    assert (await client.post("/api/ships", json=SHIP, headers=headers)).status == 201


@pytest.mark.parametrize("sent", [None, "Basic dXNlcjpw", "Token x", "Digest", "Bearertoken x", "x"])
async def test_a_request_without_a_bearer_token_gets_401(make_client: MakeClient, sent: str | None) -> None:
    client = await make_client()
    headers = {} if sent is None else {"Authorization": sent}
    response = await client.post("/api/ships", json=SHIP, headers=headers)
    body = await error_body(response)
    assert (response.status, body["error"]) == (401, MISSING if sent is None else UNSUPPORTED)
    assert body["message"].endswith("Bearer <token>.")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "form", ["Bearer", "Bearer a b", "Bearer {} x", "Bearer\t{}", "Bearer {},", "Bearer  {}", "Bearer x"]
)
async def test_a_malformed_bearer_token_gets_401(make_client: MakeClient, form: str) -> None:
    client = await make_client()
    response = await client.post("/api/ships", json=SHIP, headers={"Authorization": form.format(token_of(client))})
    assert (response.status, await error_body(response)) == (401, INVALID)
    assert response.headers["WWW-Authenticate"] == CHALLENGE
    assert (await client.get("/api/ships/16")).status == 404


async def test_two_authorization_headers_get_400_even_if_one_is_valid(make_client: MakeClient) -> None:
    client = await make_client()
    good, bad = bearer(client)["Authorization"], "Bearer x"
    for pair in ((good, bad), (bad, good), (good, good)):
        headers = CIMultiDict([("Authorization", each) for each in pair])
        response = await client.post("/api/ships", json=SHIP, headers=headers)
        expected = {"error": "Bad Request", "message": "More than one Authorization header.", "code": "invalid_request"}
        assert (response.status, await error_body(response)) == (400, expected)
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_request"'


async def test_a_token_in_a_cookie_the_query_or_the_body_is_not_accepted(make_client: MakeClient) -> None:
    client = await make_client()
    token = token_of(client)
    client.session.cookie_jar.update_cookies({"access_token": token, "access_token_cookie": token})
    response = await client.post(f"/api/ships?access_token={token}", json={**SHIP, "access_token": token})
    assert (response.status, (await error_body(response))["error"]) == (401, MISSING)


async def test_an_expired_token_gets_401(make_client: MakeClient) -> None:
    client = await make_client()
    tokens = Tokens(settings_for_tests().jwt, SECRET, clock=lambda: time.time() - 906)
    response = await client.delete("/auth/logout", headers={"Authorization": f"Bearer {tokens.pair(1).access}"})
    assert (response.status, await error_body(response)) == (401, EXPIRED)
    assert response.headers["WWW-Authenticate"] == CHALLENGE


async def test_a_token_that_is_too_long_or_not_ascii_gets_401(make_client: MakeClient) -> None:
    client = await make_client()
    for token in ("x" * 4097, "é" * 10, "𝟏.𝟏.𝟏", token_of(client) + "é", "a.b.c"):
        response = await client.delete("/auth/logout", headers={"Authorization": f"Bearer {token}"})
        assert (response.status, (await error_body(response))["error"]) == (401, "Token is invalid"), token[:20]


async def test_another_encoding_of_a_revoked_token_gets_401(make_client: MakeClient) -> None:
    client = await make_client()
    token = token_of(client)
    assert (await client.delete("/auth/logout", headers={"Authorization": f"Bearer {token}"})).status == 200
    for again, error in ((token, "Token has been revoked"), (f"{token}=", "Token is invalid")):
        response = await client.delete("/auth/logout", headers={"Authorization": f"Bearer {again}"})
        assert (response.status, (await error_body(response))["error"]) == (401, error)


async def test_a_rejected_request_changes_nothing(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, bearer(client, type="refresh"), bearer(client, 99)):
        assert (await client.post("/api/ships", json=SHIP, headers=headers)).status in (401, 422)
        assert (await client.put("/api/ships/1", json=SHIP, headers=headers)).status in (401, 422)
        assert (await client.delete("/api/ships/1", headers=headers)).status in (401, 422)
    assert [ship["id"] for ship in await (await client.get("/api/ships")).json()] == list(range(1, 16))
    assert (await (await client.get("/api/ships/1")).json())["crew"] == 1


async def test_a_request_is_authorized_before_its_body_is_read(make_client: MakeClient) -> None:
    client = await make_client()
    response = await client.post("/api/ships", data=b"{", headers={"Content-Type": "text/plain"})
    assert response.status == 401
    response = await client.put("/api/users/2", data=b"{", headers=bearer(client))
    assert response.status == 403


async def test_public_routes_ignore_the_authorization_header(make_client: MakeClient) -> None:
    client = await make_client()
    for sent in ("Bearer x", "Basic y", f"Bearer {token_of(client)},"):
        assert (await client.get("/api/ships/1", headers={"Authorization": sent})).status == 200


async def test_a_revocation_is_purged_after_the_expiry_of_the_token_and_the_leeway(client: Client) -> None:
    headers = bearer(client)
    expires = client.app[TOKENS].read(headers["Authorization"].removeprefix("Bearer ")).exp
    assert (await client.delete("/auth/logout", headers=headers)).status == 200
    assert await client.app[STORE].purge(expires + 5) == 0
    assert (await client.delete("/auth/logout", headers=headers)).status == 401
    assert await client.app[STORE].purge(expires + 6) == 1
