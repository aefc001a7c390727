"""Entity tags and conditional requests (RFC 9110, section 13)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import product

from tests.support.requests import SHIP, Client, Json, bearer, error_body

MakeClient = Callable[..., Awaitable[Client]]

SHIP_1 = "/api/ships/1"
STALE = {
    "error": "Precondition Failed",
    "message": "The record has changed: read it again, then decide.",
    "code": "precondition_failed",
}
METHODS: dict[str, Json | None] = {"PUT": SHIP, "PATCH": {"crew": 2}, "DELETE": None}


async def tag_of(client: Client, path: str = SHIP_1) -> str:
    return (await client.get(path)).headers["ETag"]


async def test_every_response_with_a_record_has_a_strong_etag(client: Client) -> None:
    auth = bearer(client)
    responses = [
        await client.post("/api/ships", json=SHIP, headers=auth),
        await client.get("/api/ships/16"),
        await client.head("/api/ships/16"),
        await client.put("/api/ships/16", json=SHIP, headers=auth),
        await client.patch("/api/ships/16", json={"crew": 3}, headers=auth),
        await client.get("/api/ships/16"),
        await client.get("/api/users/1"),
        await client.put("/api/users/1", json={"name": "user", "password": "password"}, headers=auth),
    ]
    tags = [response.headers["ETag"] for response in responses]
    assert all(re.fullmatch(r'"[!#-~]+"', tag) for tag in tags)
    added, get, head, replaced, patched, again, user, changed = tags
    assert added == get == head != replaced != patched == again
    assert user != changed
    assert (await client.delete("/api/ships/16", headers=auth)).headers.get("ETag") is None
    assert (await client.get("/api/ships")).headers.get("ETag") is None


async def test_if_none_match_with_the_current_tag_returns_304(client: Client) -> None:
    tag = await tag_of(client)
    for value in (tag, f"W/{tag}", f'"x", {tag}', f' W/"x" , W/{tag} ,"y"', "*", " * "):
        for method in ("GET", "HEAD"):
            response = await client.request(method, SHIP_1, headers={"If-None-Match": value})
            assert (response.status, await response.read(), response.headers["ETag"]) == (304, b"", tag), value
            assert (response.headers["Cache-Control"], "Content-Type" in response.headers) == ("no-cache", False)


async def test_if_none_match_with_another_tag_returns_the_record(client: Client) -> None:
    tag = await tag_of(client)
    for value in (
        '"x"',
        'W/"x"',
        "x",
        tag.strip('"'),
        f"{tag}x",
        f"w/{tag}",
        '"',
        "",
        "**",
        f"{tag} {tag}",
        f"{tag};q=1",
    ):
        response = await client.get(SHIP_1, headers={"If-None-Match": value})
        assert (response.status, (await response.json())["id"]) == (200, 1), value
    await client.patch(SHIP_1, json={"crew": 2}, headers=bearer(client))
    assert (await client.get(SHIP_1, headers={"If-None-Match": tag})).status == 200
    assert (await client.get("/api/ships/99", headers={"If-None-Match": "*"})).status == 404


async def test_a_write_with_the_current_tag_in_if_match_succeeds(client: Client) -> None:
    for id, (method, body) in enumerate(METHODS.items(), 1):
        tag = await tag_of(client, f"/api/ships/{id}")
        headers = {**bearer(client), "If-Match": f'"x", {tag}'}
        response = await client.request(method, f"/api/ships/{id}", json=body, headers=headers)
        assert response.status == (204 if method == "DELETE" else 200), method
        if body is not None:
            assert response.headers["ETag"] == await tag_of(client, f"/api/ships/{id}") != tag
    for id, (method, body) in enumerate(METHODS.items(), 4):
        headers = {**bearer(client), "If-Match": "*"}
        response = await client.request(method, f"/api/ships/{id}", json=body, headers=headers)
        assert response.status == (204 if method == "DELETE" else 200), method


async def test_a_write_with_another_tag_in_if_match_returns_412_and_changes_nothing(client: Client) -> None:
    old = await tag_of(client)
    changed = await client.patch(SHIP_1, json={"crew": 7}, headers=bearer(client))
    current = changed.headers["ETag"]
    for method, value in product(METHODS, (old, f"W/{current}", '"x"', "x", current.strip('"'), "")):
        headers = {**bearer(client), "If-Match": value}
        response = await client.request(method, SHIP_1, json=METHODS[method], headers=headers)
        assert (response.status, await error_body(response), response.headers["ETag"]) == (412, STALE, current), value
    ship = await client.get(SHIP_1)
    assert ((await ship.json())["crew"], ship.headers["ETag"]) == (7, current)


async def test_if_match_for_a_deleted_record_returns_404(client: Client) -> None:
    tag, auth = await tag_of(client), bearer(client)
    assert (await client.delete(SHIP_1, headers=auth)).status == 204
    for method, body in METHODS.items():
        for value in (tag, "*", '"x"'):
            response = await client.request(method, SHIP_1, json=body, headers={**auth, "If-Match": value})
            assert response.status == 404, (method, value)
    assert len(await (await client.get("/api/ships")).json()) == 14


async def test_other_errors_take_precedence_over_412(make_client: MakeClient) -> None:
    client = await make_client()
    auth = bearer(client)
    for method, path, headers, body, status in (
        ("PUT", SHIP_1, {}, SHIP, 401),
        ("PUT", "/api/users/2", auth, SHIP, 403),
        ("PUT", SHIP_1, auth, {}, 400),
        ("PATCH", SHIP_1, auth, {"crew": 0}, 400),
        ("PUT", SHIP_1, auth, {**SHIP, "id": 2}, 400),
    ):
        response = await client.request(method, path, json=body, headers={**headers, "If-Match": '"x"'})
        assert response.status == status, (method, path, body)


async def test_if_match_is_required_if_the_settings_say_so(make_client: MakeClient, store_url: str) -> None:
    client = await make_client(store=store_url, require_if_match=True)
    auth = bearer(client)
    for method, body in METHODS.items():
        response = await client.request(method, SHIP_1, json=body, headers=auth)
        error = await error_body(response)
        assert (response.status, error["error"], error["code"]) == (
            428,
            "Precondition Required",
            "precondition_required",
        )
    assert (await (await client.get(SHIP_1)).json())["crew"] == 1
    for method, body in METHODS.items():
        headers = {**auth, "If-Match": await tag_of(client)}
        assert (await client.request(method, SHIP_1, json=body, headers=headers)).status in (200, 204)
        assert (await client.request(method, "/api/ships/999", json=body, headers=auth)).status == 404
    assert (await client.post("/api/ships", json=SHIP, headers=auth)).status == 201


async def test_exactly_one_of_forty_concurrent_writes_with_the_same_tag_succeeds(client: Client) -> None:
    headers = {**bearer(client), "If-Match": await tag_of(client)}

    async def write(crew: int) -> tuple[int, int]:
        response = await client.put(SHIP_1, json={**SHIP, "crew": crew}, headers=headers)
        return response.status, crew

    responses = await asyncio.gather(*(write(crew) for crew in range(1, 41)))
    assert Counter(status for status, _ in responses) == {200: 1, 412: 39}
    written = next(crew for status, crew in responses if status == 200)
    assert (await (await client.get(SHIP_1)).json())["crew"] == written


async def test_exactly_one_of_ten_concurrent_new_users_with_the_same_name_is_added(client: Client) -> None:
    document = {"name": "Wedge", "password": "$argon2id$"}

    async def add(index: int) -> int:
        name = document["name"].upper() if index % 2 else document["name"]
        return (await client.post("/api/users", json={**document, "name": name})).status

    assert Counter(await asyncio.gather(*map(add, range(10)))) == {201: 1, 400: 9}
    assert len(await (await client.get("/api/users")).json()) == 3


async def test_forty_ships_added_concurrently_have_forty_ids(client: Client) -> None:
    auth = bearer(client)
    responses = await asyncio.gather(*(client.post("/api/ships", json=SHIP, headers=auth) for _ in range(40)))
    assert sorted([(await response.json())["id"] for response in responses]) == list(range(16, 56))


async def test_a_record_deleted_during_concurrent_writes_stays_deleted(client: Client) -> None:
    auth = bearer(client)
    for id in range(1, 9):
        path = f"/api/ships/{id}"
        writes = [client.put(path, json=SHIP, headers=auth) for _ in range(3)]
        changed = [client.patch(path, json={"crew": crew}, headers=auth) for crew in (1, 2, 3)]
        responses = await asyncio.gather(*writes, client.delete(path, headers=auth), *changed)
        assert responses[3].status == 204
        assert {response.status for response in responses} <= {200, 204, 404}
        assert (await client.get(path)).status == 404
    assert len(await (await client.get("/api/ships")).json()) == 7


async def test_concurrent_patches_lose_no_change(client: Client) -> None:
    auth, names = bearer(client), [name for name in SHIP if name != "roles"]
    patches = [client.patch(SHIP_1, json={name: SHIP[name]}, headers=auth) for name in names]
    assert {response.status for response in await asyncio.gather(*patches)} == {200}
    ship = await (await client.get(SHIP_1)).json()
    assert {name: ship[name] for name in names} == {name: SHIP[name] for name in names}


async def test_concurrent_swaps_of_two_names_leave_them_unique(client: Client) -> None:
    swaps = [
        client.patch("/api/users/1", json={"name": "guest"}, headers=bearer(client, 1)),
        client.patch("/api/users/2", json={"name": "user"}, headers=bearer(client, 2)),
    ]
    assert {response.status for response in await asyncio.gather(*swaps)} <= {200, 400}
    names = [user["name"] for user in await (await client.get("/api/users")).json()]
    assert sorted(names) == ["guest", "user"]
