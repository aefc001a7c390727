"""Ships: the five routes of the example."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from service.settings.schema import ROOT
from tests.support.requests import SHIP, Client, bearer, error_body, status_and_message

NOT_FOUND = {"error": "Not Found", "message": "There is no record with this id.", "code": "not_found"}

MakeClient = Callable[..., Awaitable[Client]]


async def test_all_ships_are_listed_as_the_data_file_has_them(client: Client) -> None:
    answer = await client.get("/api/ships")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    ships = await answer.json()
    assert ships == orjson.loads((ROOT / "data.json").read_bytes())["ships"]
    assert [ship["id"] for ship in ships] == list(range(1, 16))
    assert all(ship.keys() == {"id", *SHIP} for ship in ships)


async def test_one_ship_is_read_by_id(client: Client) -> None:
    answer = await client.get("/api/ships/2")
    assert answer.status == 200
    assert await answer.json() == {
        "affiliation": "Empire",
        "category": "Starfighters",
        "crew": 1,
        "id": 2,
        "length": 7,
        "manufacturer": "Sienar Fleet Systems",
        "model": "TIE/LN Starfighter",
        "roles": ["Space Superiority Starfighter"],
        "ship_class": "Starfighter",
    }


async def test_a_ship_that_is_not_there_is_404_to_all_who_may_ask(client: Client) -> None:
    for method, body in (("GET", None), ("PUT", SHIP), ("PATCH", {"crew": 1}), ("DELETE", None)):
        answer = await client.request(method, "/api/ships/99", json=body, headers=bearer(client))
        assert (answer.status, await error_body(answer)) == (404, NOT_FOUND), method
    assert len(await (await client.get("/api/ships")).json()) == 15


async def test_a_user_adds_a_ship(client: Client) -> None:
    answer = await client.post("/api/ships", json=SHIP, headers=bearer(client))
    assert (answer.status, await answer.json()) == (201, {"id": 16, **SHIP})
    assert answer.headers["Location"] == str(client.make_url("/api/ships/16"))
    assert await (await client.get("/api/ships/16")).json() == {"id": 16, **SHIP}


async def test_a_user_changes_a_ship(client: Client) -> None:
    changed = {**SHIP, "model": "Imperial II-class Star Destroyer", "crew": 37050}
    answer = await client.put("/api/ships/1", json=changed, headers=bearer(client))
    assert (answer.status, await answer.json()) == (200, {"id": 1, **changed})
    assert await (await client.get("/api/ships/1")).json() == {"id": 1, **changed}


async def test_a_user_removes_a_ship_once(client: Client) -> None:
    answer = await client.delete("/api/ships/15", headers=bearer(client))
    assert (answer.status, await answer.read(), "Content-Type" in answer.headers) == (204, b"", False)
    assert (await client.get("/api/ships/15")).status == 404
    assert (await client.delete("/api/ships/15", headers=bearer(client))).status == 404
    answer = await client.post("/api/ships", json=SHIP, headers=bearer(client))
    assert (await answer.json())["id"] == 16


async def test_ships_may_be_equal(client: Client) -> None:
    ids = [(await (await client.post("/api/ships", json=SHIP, headers=bearer(client))).json())["id"] for _ in "12"]
    assert ids == [16, 17]


async def test_a_new_ship_cannot_choose_its_id_and_a_changed_one_must_keep_it(make_client: MakeClient) -> None:
    client = await make_client()
    mine = bearer(client)
    answer = await client.post("/api/ships", json={**SHIP, "id": 16}, headers=mine)
    assert await status_and_message(answer) == (400, {"id": ["Unknown field."]})
    answer = await client.put("/api/ships/1", json={**SHIP, "id": 2}, headers=mine)
    assert await status_and_message(answer) == (400, "Request data id has to match resource id.")
    answer = await client.put("/api/ships/1", json={**SHIP, "id": 1}, headers=mine)
    assert (answer.status, await answer.json()) == (200, {"id": 1, **SHIP})


async def test_public_url_is_where_links_lead(make_client: MakeClient) -> None:
    client = await make_client(public_url="https://ships.example.org/yard")
    headers = {**bearer(client), "Host": "evil.example"}
    answer = await client.post("/api/ships", json=SHIP, headers=headers)
    assert answer.headers["Location"] == "https://ships.example.org/yard/api/ships/16"
    answer = await client.get("/api/ships?_limit=15", headers=headers)
    assert answer.headers["Link"].startswith("<https://ships.example.org/yard/api/ships?_start=0&_limit=15>")
