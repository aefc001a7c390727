"""Entity tags, and requests that depend on them (RFC 9110, 13): nobody overwrites by accident."""

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


async def test_every_answer_with_a_record_has_its_strong_tag(client: Client) -> None:
    mine = bearer(client)
    answers = [
        await client.post("/api/ships", json=SHIP, headers=mine),
        await client.get("/api/ships/16"),
        await client.head("/api/ships/16"),
        await client.put("/api/ships/16", json=SHIP, headers=mine),
        await client.patch("/api/ships/16", json={"crew": 3}, headers=mine),
        await client.get("/api/ships/16"),
        await client.get("/api/users/1"),
        await client.put("/api/users/1", json={"name": "user", "password": "password"}, headers=mine),
    ]
    tags = [answer.headers["ETag"] for answer in answers]
    assert all(re.fullmatch(r'"[!#-~]+"', tag) for tag in tags)
    added, read, looked, replaced, patched, again, user, changed = tags
    assert added == read == looked != replaced != patched == again
    assert user != changed
    assert (await client.delete("/api/ships/16", headers=mine)).headers.get("ETag") is None
    assert (await client.get("/api/ships")).headers.get("ETag") is None


async def test_a_record_that_the_client_has_is_not_sent_again(client: Client) -> None:
    tag = await tag_of(client)
    for sent in (tag, f"W/{tag}", f'"x", {tag}', f' W/"x" , W/{tag} ,"y"', "*", " * "):
        for method in ("GET", "HEAD"):
            answer = await client.request(method, SHIP_1, headers={"If-None-Match": sent})
            assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", tag), sent
            assert (answer.headers["Cache-Control"], "Content-Type" in answer.headers) == ("no-cache", False)


async def test_a_record_that_the_client_has_not_is_sent(client: Client) -> None:
    tag = await tag_of(client)
    for sent in (
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
        answer = await client.get(SHIP_1, headers={"If-None-Match": sent})
        assert (answer.status, (await answer.json())["id"]) == (200, 1), sent
    await client.patch(SHIP_1, json={"crew": 2}, headers=bearer(client))
    assert (await client.get(SHIP_1, headers={"If-None-Match": tag})).status == 200
    assert (await client.get("/api/ships/99", headers={"If-None-Match": "*"})).status == 404


async def test_a_write_happens_when_the_record_is_as_the_client_knows_it(client: Client) -> None:
    for id, (method, body) in enumerate(METHODS.items(), 1):
        tag = await tag_of(client, f"/api/ships/{id}")
        headers = {**bearer(client), "If-Match": f'"x", {tag}'}
        answer = await client.request(method, f"/api/ships/{id}", json=body, headers=headers)
        assert answer.status == (204 if method == "DELETE" else 200), method
        if body is not None:
            assert answer.headers["ETag"] == await tag_of(client, f"/api/ships/{id}") != tag
    for id, (method, body) in enumerate(METHODS.items(), 4):
        headers = {**bearer(client), "If-Match": "*"}
        answer = await client.request(method, f"/api/ships/{id}", json=body, headers=headers)
        assert answer.status == (204 if method == "DELETE" else 200), method


async def test_a_write_does_not_happen_when_the_record_has_changed(client: Client) -> None:
    old = await tag_of(client)
    changed = await client.patch(SHIP_1, json={"crew": 7}, headers=bearer(client))
    current = changed.headers["ETag"]
    for method, sent in product(METHODS, (old, f"W/{current}", '"x"', "x", current.strip('"'), "")):
        headers = {**bearer(client), "If-Match": sent}
        answer = await client.request(method, SHIP_1, json=METHODS[method], headers=headers)
        assert (answer.status, await error_body(answer), answer.headers["ETag"]) == (412, STALE, current), sent
    ship = await client.get(SHIP_1)
    assert ((await ship.json())["crew"], ship.headers["ETag"]) == (7, current)


async def test_a_tag_from_before_means_nothing_for_a_record_that_is_gone(client: Client) -> None:
    tag, mine = await tag_of(client), bearer(client)
    assert (await client.delete(SHIP_1, headers=mine)).status == 204
    for method, body in METHODS.items():
        for sent in (tag, "*", '"x"'):
            answer = await client.request(method, SHIP_1, json=body, headers={**mine, "If-Match": sent})
            assert answer.status == 404, (method, sent)
    assert len(await (await client.get("/api/ships")).json()) == 14


async def test_what_would_be_refused_anyway_is_refused_for_its_own_reason(make_client: MakeClient) -> None:
    client = await make_client()
    mine = bearer(client)
    for method, path, headers, body, status in (
        ("PUT", SHIP_1, {}, SHIP, 401),
        ("PUT", "/api/users/2", mine, SHIP, 403),
        ("PUT", SHIP_1, mine, {}, 400),
        ("PATCH", SHIP_1, mine, {"crew": 0}, 400),
        ("PUT", SHIP_1, mine, {**SHIP, "id": 2}, 400),
    ):
        answer = await client.request(method, path, json=body, headers={**headers, "If-Match": '"x"'})
        assert answer.status == status, (method, path, body)


async def test_a_service_can_insist_on_if_match(make_client: MakeClient, store_url: str) -> None:
    client = await make_client(store=store_url, require_if_match=True)
    mine = bearer(client)
    for method, body in METHODS.items():
        answer = await client.request(method, SHIP_1, json=body, headers=mine)
        said = await error_body(answer)
        assert (answer.status, said["error"], said["code"]) == (428, "Precondition Required", "precondition_required")
    assert (await (await client.get(SHIP_1)).json())["crew"] == 1
    for method, body in METHODS.items():
        headers = {**mine, "If-Match": await tag_of(client)}
        assert (await client.request(method, SHIP_1, json=body, headers=headers)).status in (200, 204)
        assert (await client.request(method, "/api/ships/999", json=body, headers=mine)).status == 404
    assert (await client.post("/api/ships", json=SHIP, headers=mine)).status == 201


async def test_of_forty_writers_with_one_tag_exactly_one_wins(client: Client) -> None:
    headers = {**bearer(client), "If-Match": await tag_of(client)}

    async def write(crew: int) -> tuple[int, int]:
        answer = await client.put(SHIP_1, json={**SHIP, "crew": crew}, headers=headers)
        return answer.status, crew

    answers = await asyncio.gather(*(write(crew) for crew in range(1, 41)))
    assert Counter(status for status, _ in answers) == {200: 1, 412: 39}
    winner = next(crew for status, crew in answers if status == 200)
    assert (await (await client.get(SHIP_1)).json())["crew"] == winner


async def test_of_ten_new_users_of_one_name_exactly_one_is_added(client: Client) -> None:
    document = {"name": "Wedge", "password": "$argon2id$"}

    async def add(index: int) -> int:
        name = document["name"].upper() if index % 2 else document["name"]
        return (await client.post("/api/users", json={**document, "name": name})).status

    assert Counter(await asyncio.gather(*map(add, range(10)))) == {201: 1, 400: 9}
    assert len(await (await client.get("/api/users")).json()) == 3


async def test_forty_new_ships_have_forty_ids(client: Client) -> None:
    mine = bearer(client)
    answers = await asyncio.gather(*(client.post("/api/ships", json=SHIP, headers=mine) for _ in range(40)))
    assert sorted([(await answer.json())["id"] for answer in answers]) == list(range(16, 56))


async def test_a_record_that_is_removed_while_it_is_changed_does_not_come_back(client: Client) -> None:
    mine = bearer(client)
    for id in range(1, 9):
        path = f"/api/ships/{id}"
        writes = [client.put(path, json=SHIP, headers=mine) for _ in range(3)]
        changed = [client.patch(path, json={"crew": crew}, headers=mine) for crew in (1, 2, 3)]
        answers = await asyncio.gather(*writes, client.delete(path, headers=mine), *changed)
        assert answers[3].status == 204
        assert {answer.status for answer in answers} <= {200, 204, 404}
        assert (await client.get(path)).status == 404
    assert len(await (await client.get("/api/ships")).json()) == 7


async def test_no_change_is_lost_when_all_patch_at_once(client: Client) -> None:
    mine, names = bearer(client), [name for name in SHIP if name != "roles"]
    patches = [client.patch(SHIP_1, json={name: SHIP[name]}, headers=mine) for name in names]
    assert {answer.status for answer in await asyncio.gather(*patches)} == {200}
    ship = await (await client.get(SHIP_1)).json()
    assert {name: ship[name] for name in names} == {name: SHIP[name] for name in names}


async def test_two_who_swap_names_at_once_do_not_end_with_one(client: Client) -> None:
    swaps = [
        client.patch("/api/users/1", json={"name": "guest"}, headers=bearer(client, 1)),
        client.patch("/api/users/2", json={"name": "user"}, headers=bearer(client, 2)),
    ]
    assert {answer.status for answer in await asyncio.gather(*swaps)} <= {200, 400}
    names = [user["name"] for user in await (await client.get("/api/users")).json()]
    assert sorted(names) == ["guest", "user"]
