"""The routes of the ships plugin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from service.settings.schema import ROOT
from tests.support.requests import SHIP, Client, bearer, error_body, status_and_message

NOT_FOUND = {"error": "Not Found", "message": "There is no record with this id.", "code": "not_found"}

MakeClient = Callable[..., Awaitable[Client]]


async def test_the_list_of_ships_equals_the_data_file(client: Client) -> None:
    response = await client.get("/api/ships")
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    ships = await response.json()
    assert ships == orjson.loads((ROOT / "data.json").read_bytes())["ships"]
    assert [ship["id"] for ship in ships] == list(range(1, 16))
    assert all(ship.keys() == {"id", *SHIP} for ship in ships)


async def test_a_ship_is_read_by_id(client: Client) -> None:
    response = await client.get("/api/ships/2")
    assert response.status == 200
    assert await response.json() == {
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


async def test_an_unknown_id_gets_404_with_every_method(client: Client) -> None:
    for method, body in (("GET", None), ("PUT", SHIP), ("PATCH", {"crew": 1}), ("DELETE", None)):
        response = await client.request(method, "/api/ships/99", json=body, headers=bearer(client))
        assert (response.status, await error_body(response)) == (404, NOT_FOUND), method
    assert len(await (await client.get("/api/ships")).json()) == 15


async def test_a_user_adds_a_ship(client: Client) -> None:
    response = await client.post("/api/ships", json=SHIP, headers=bearer(client))
    assert (response.status, await response.json()) == (201, {"id": 16, **SHIP})
    assert response.headers["Location"] == str(client.make_url("/api/ships/16"))
    assert await (await client.get("/api/ships/16")).json() == {"id": 16, **SHIP}


async def test_a_user_changes_a_ship(client: Client) -> None:
    changed = {**SHIP, "model": "Imperial II-class Star Destroyer", "crew": 37050}
    response = await client.put("/api/ships/1", json=changed, headers=bearer(client))
    assert (response.status, await response.json()) == (200, {"id": 1, **changed})
    assert await (await client.get("/api/ships/1")).json() == {"id": 1, **changed}


async def test_a_removed_ship_gets_404_and_its_id_is_not_reused(client: Client) -> None:
    response = await client.delete("/api/ships/15", headers=bearer(client))
    assert (response.status, await response.read(), "Content-Type" in response.headers) == (204, b"", False)
    assert (await client.get("/api/ships/15")).status == 404
    assert (await client.delete("/api/ships/15", headers=bearer(client))).status == 404
    response = await client.post("/api/ships", json=SHIP, headers=bearer(client))
    assert (await response.json())["id"] == 16


async def test_two_ships_may_have_equal_fields(client: Client) -> None:
    ids = [(await (await client.post("/api/ships", json=SHIP, headers=bearer(client))).json())["id"] for _ in "12"]
    assert ids == [16, 17]


async def test_the_id_cannot_be_set_or_changed(make_client: MakeClient) -> None:
    client = await make_client()
    headers = bearer(client)
    response = await client.post("/api/ships", json={**SHIP, "id": 16}, headers=headers)
    assert await status_and_message(response) == (400, {"id": ["Unknown field."]})
    response = await client.put("/api/ships/1", json={**SHIP, "id": 2}, headers=headers)
    assert await status_and_message(response) == (400, "Request data id has to match resource id.")
    response = await client.put("/api/ships/1", json={**SHIP, "id": 1}, headers=headers)
    assert (response.status, await response.json()) == (200, {"id": 1, **SHIP})


async def test_links_start_with_the_public_url(make_client: MakeClient) -> None:
    client = await make_client(public_url="https://ships.example.org/yard")
    headers = {**bearer(client), "Host": "evil.example"}
    response = await client.post("/api/ships", json=SHIP, headers=headers)
    assert response.headers["Location"] == "https://ships.example.org/yard/api/ships/16"
    response = await client.get("/api/ships?_limit=15", headers=headers)
    assert response.headers["Link"].startswith("<https://ships.example.org/yard/api/ships?_start=0&_limit=15>")
