"""Idempotency-Key: a repeated POST is executed once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from service.http.app_keys import STORE
from tests.support.requests import SHIP, Client, bearer, error_body, status_and_message

MakeClient = Callable[..., Awaitable[Client]]

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


async def total(client: Client, path: str = "/api/ships") -> str:
    return (await client.get(path)).headers["X-Total-Count"]


async def test_a_repeated_post_gets_the_same_response_and_adds_nothing(client: Client) -> None:
    headers = {**bearer(client), **KEY}
    responses = [await client.post("/api/ships", json=SHIP, headers=headers) for _ in range(3)]
    for first, second in pairwise(responses):
        assert (first.status, await first.read()) == (second.status, await second.read())
        assert all(first.headers[name] == second.headers[name] for name in ("Location", "ETag"))
    assert (responses[0].status, (await responses[0].json())["id"]) == (201, 16)
    assert await total(client) == "16"


async def test_a_repeated_post_gets_the_first_response_even_if_the_record_was_changed_or_removed(
    client: Client,
) -> None:
    headers = {**bearer(client), **KEY}
    first = await client.post("/api/ships", json=SHIP, headers=headers)
    await client.patch("/api/ships/16", json={"crew": 1}, headers=bearer(client))
    again = await client.post("/api/ships", json=SHIP, headers=headers)
    await client.delete("/api/ships/16", headers=bearer(client))
    last = await client.post("/api/ships", json=SHIP, headers=headers)
    assert await first.read() == await again.read() == await last.read()
    assert [first.status, again.status, last.status] == [201, 201, 201]
    assert await total(client) == "15"


async def test_equal_json_in_another_order_is_the_same_request(client: Client) -> None:
    headers = {**bearer(client), **KEY}
    first = await client.post("/api/ships", json=SHIP, headers=headers)
    again = await client.post("/api/ships", json=dict(reversed(SHIP.items())), headers=headers)
    assert (again.status, await again.read()) == (201, await first.read())


async def test_a_key_reused_for_another_request_is_an_error(client: Client) -> None:
    headers = {**bearer(client), **KEY}
    await client.post("/api/ships", json=SHIP, headers=headers)
    response = await client.post("/api/ships", json={**SHIP, "crew": 1}, headers=headers)
    body = await error_body(response)
    assert (response.status, body["error"]) == (422, "Unprocessable Entity")
    assert (body["code"], body["message"]) == (
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request.",
    )
    assert await total(client) == "16"


async def test_a_key_is_scoped_to_its_user_and_path(client: Client) -> None:
    first = await client.post("/api/ships", json=SHIP, headers={**bearer(client, 1), **KEY})
    other = await client.post("/api/ships", json=SHIP, headers={**bearer(client, 2), **KEY})
    assert [(await response.json())["id"] for response in (first, other)] == [16, 17]
    new = {"name": "new user", "password": "secret"}
    responses = [await client.post("/api/users", json=new, headers=KEY) for _ in range(2)]
    assert [(response.status, await response.json()) for response in responses] == [
        (201, {"id": 3, "name": "new user"})
    ] * 2


async def test_a_rejected_request_does_not_use_its_key(client: Client) -> None:
    headers = {**bearer(client), **KEY}
    assert (await client.post("/api/ships", json={}, headers=headers)).status == 400
    assert (await client.post("/api/ships", json=SHIP, headers=KEY)).status == 401
    assert (await client.post("/api/ships", json=SHIP, headers=headers)).status == 201
    taken = {"name": "guest", "password": "secret"}
    assert (await client.post("/api/users", json=taken, headers=KEY)).status == 400
    await client.delete("/api/users/2", headers=bearer(client, 2))
    assert (await client.post("/api/users", json=taken, headers=KEY)).status == 201


async def test_only_one_of_many_concurrent_requests_with_the_same_key_is_executed(client: Client) -> None:
    headers = {**bearer(client), **KEY}
    responses = await asyncio.gather(*(client.post("/api/ships", json=SHIP, headers=headers) for _ in range(20)))
    assert Counter(response.status for response in responses).keys() <= {201, 409}
    assert {(await response.json())["id"] for response in responses if response.status == 201} == {16}
    assert await total(client) == "16"


async def test_a_repetition_during_the_first_request_gets_409_with_retry_after(make_client: MakeClient) -> None:
    client = await make_client()
    new = {"name": "new user", "password": "secret"}  # hashing its password takes time
    responses = await asyncio.gather(*(client.post("/api/users", json=new, headers=KEY) for _ in range(2)))
    first, second = sorted(responses, key=lambda response: response.status)
    assert (first.status, second.headers["Retry-After"]) == (201, "1")
    assert await status_and_message(second) == (409, "A request with this Idempotency-Key is still being processed.")
    assert (await client.post("/api/users", json=new, headers=KEY)).status == 201
    assert await total(client, "/api/users") == "3"


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
async def test_a_key_is_1_to_255_visible_ascii_characters(make_client: MakeClient, key: str) -> None:
    client = await make_client()
    response = await client.post("/api/ships", json=SHIP, headers={**bearer(client), "Idempotency-Key": key})
    assert await status_and_message(response) == (
        400,
        {"Idempotency-Key": ["Must be 1 to 255 visible ASCII characters."]},
    )
    response = await client.post("/api/ships", json=SHIP, headers={**bearer(client), "Idempotency-Key": "~" * 255})
    assert response.status == 201


async def test_without_a_key_each_post_adds_a_record(client: Client) -> None:
    for id in (16, 17):
        response = await client.post("/api/ships", json=SHIP, headers=bearer(client))
        assert (await response.json())["id"] == id


async def test_a_key_expires_after_a_day(client: Client) -> None:
    before = int(time.time())
    await client.post("/api/ships", json=SHIP, headers={**bearer(client), **KEY})
    after = int(time.time())
    store = client.app[STORE]
    assert await store.purge(before + 24 * 3600) == 0
    assert await store.purge(after + 24 * 3600 + 1) == 1


@pytest.mark.parametrize("store_url", ["sqlite", "postgres"], indirect=True)
async def test_a_key_survives_a_restart(make_client: MakeClient, store_url: str) -> None:
    first = await make_client(store=store_url)
    before = await first.post("/api/ships", json=SHIP, headers={**bearer(first), **KEY})
    body = await before.read()
    await first.close()
    second = await make_client(store=store_url)
    after = await second.post("/api/ships", json=SHIP, headers={**bearer(second), **KEY})
    assert (after.status, await after.read(), await total(second)) == (201, body, "16")
    response = await second.post("/api/ships", json={**SHIP, "crew": 1}, headers={**bearer(second), **KEY})
    assert response.status == 422
