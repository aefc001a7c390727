"""PATCH: JSON Merge Patch (RFC 7396), with the same error messages as PUT; read-only fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from service.rest.merge_patch import merge
from tests.support.requests import SHIP, Client, Json, bearer, status_and_message

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": [1, None]}, {"a": [None]}, {"a": [None]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "b"}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": 1}, {}, {"a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({"a": 1}, ["c"], ["c"]),
        ({"a": 1}, None, None),
    ],
)
def test_a_patch_is_merged_as_rfc_7396_defines(target: Any, patch: Any, result: Any) -> None:
    before = repr(target)
    assert (merge(target, patch), repr(target)) == (result, before)


async def test_a_patch_changes_only_the_fields_that_it_contains(client: Client) -> None:
    auth = bearer(client)
    ship = await (await client.get("/api/ships/1")).json()
    patches: list[Json] = [{"crew": 2}, {"roles": []}, {"model": "T-70", "length": 12}, {}, {"id": 1, "crew": 3}]
    for headers, patch in zip((auth, {**auth, **MERGE_PATCH}) * 3, patches, strict=False):
        ship |= patch
        response = await client.patch("/api/ships/1", json=patch, headers=headers)
        assert (response.status, await response.json()) == (200, ship), patch
    assert await (await client.get("/api/ships/1")).json() == ship


INVALID: list[tuple[Json, Any]] = [
    ({"crew": 0}, {"crew": ["Must be greater than or equal to 1."]}),
    ({"crew": "7"}, {"crew": ["Not a valid integer."]}),
    ({"crew": {"more": 1}}, {"crew": ["Not a valid integer."]}),
    ({"crew": None}, {"crew": ["Missing data for required field."]}),
    ({"model": None, "roles": None}, {name: ["Missing data for required field."] for name in ("model", "roles")}),
    ({"model": " "}, {"model": ["Must not be blank."]}),
    ({"roles": {"0": "x"}}, {"roles": ["Not a valid list."]}),
    ({"roles": [None]}, {"roles": {"0": ["Field may not be null."]}}),
    ({"owner": 1}, {"owner": ["Unknown field."]}),
    ({"id": 2}, "Request data id has to match resource id."),
    ({"id": "1"}, "Request data id has to match resource id."),
    ({"id": None}, "Request data id has to match resource id."),
]


async def test_an_invalid_patch_is_rejected_with_the_messages_of_put(make_client: MakeClient) -> None:
    client = await make_client()
    before = await (await client.get("/api/ships/1")).read()
    for patch, message in INVALID:
        response = await client.patch("/api/ships/1", json=patch, headers=bearer(client))
        assert await status_and_message(response) == (400, message), patch
    assert await (await client.get("/api/ships/1")).read() == before


async def test_null_for_an_unknown_or_a_write_only_field_is_an_error(make_client: MakeClient) -> None:
    client = await make_client()
    response = await client.patch("/api/ships/1", json={"owner": None, "": None}, headers=bearer(client))
    assert await status_and_message(response) == (400, {"owner": ["Unknown field."], "": ["Unknown field."]})
    response = await client.patch("/api/users/1", json={"password": None}, headers=bearer(client))
    assert await status_and_message(response) == (400, {"password": ["Field may not be null."]})


async def test_a_ship_can_be_sent_back_as_it_was_read(client: Client) -> None:
    for method in ("PUT", "PATCH"):
        read = await client.get("/api/ships/1")
        headers = {**bearer(client), "If-Match": read.headers["ETag"]}
        response = await client.request(method, "/api/ships/1", json=await read.json(), headers=headers)
        assert (response.status, await response.json()) == (200, await read.json())


STATIONS = """
from marshmallow import Schema
from marshmallow.fields import Dict, Integer, String
from service import Collection, Resource
from itertools import count

years = count(1977)

class StationSchema(Schema):
    id = Integer(dump_only=True)
    name = String(required=True)
    motto = String()
    docks = Dict()
    founded = Integer(dump_only=True)

class Stations(Resource):
    path = "/api/stations"
    collection = Collection("stations", unique="name")
    schema = StationSchema

    async def prepare(self, app, data):
        return {"founded": next(years), **data}

routes = Stations.routes()
"""
STATION = {"name": "DS-1", "docks": {"north": {"bays": 3}, "south": {"bays": 4}}}


async def test_a_read_only_field_can_be_sent_back_but_not_changed(
    install: Install, make_client: MakeClient, store_url: str
) -> None:
    install("stations", STATIONS)
    client = await make_client(store=store_url)
    auth, path = bearer(client), "/api/stations/1"
    response = await client.post("/api/stations", json=STATION, headers=auth)
    stored = {"id": 1, **STATION, "founded": 1977}
    assert (response.status, await response.json()) == (201, stored)
    for method in ("PUT", "PATCH"):
        response = await client.request(method, path, json=stored, headers=auth)
        assert (response.status, await response.json()) == (200, stored), method
        response = await client.request(method, path, json={**STATION, "founded": 1}, headers=auth)
        assert await status_and_message(response) == (400, {"founded": ["Unknown field."]}), method
    response = await client.put(path, json={"name": "DS-2"}, headers=auth)
    assert await response.json() == {"id": 1, "name": "DS-2", "founded": 1977}
    response = await client.post("/api/stations", json={**STATION, "founded": 1977}, headers=auth)
    assert await status_and_message(response) == (400, {"founded": ["Unknown field."]})


async def test_a_patch_merges_nested_objects_and_null_removes_members(
    install: Install, make_client: MakeClient
) -> None:
    install("stations", STATIONS)
    client = await make_client()
    auth, path = bearer(client), "/api/stations/1"
    await client.post("/api/stations", json={**STATION, "motto": "no moon"}, headers=auth)
    patch = {"motto": None, "docks": {"north": {"bays": 5}, "south": None, "west": {"bays": None}}}
    response = await client.patch(path, json=patch, headers={**auth, **MERGE_PATCH})
    docks = {"north": {"bays": 5}, "west": {}}
    assert (response.status, await response.json()) == (200, {"id": 1, "name": "DS-1", "docks": docks, "founded": 1977})


async def test_a_patch_cannot_violate_uniqueness(install: Install, make_client: MakeClient, store_url: str) -> None:
    install("stations", STATIONS)
    client = await make_client(store=store_url)
    auth = bearer(client)
    for name in ("DS-1", "DS-2"):
        await client.post("/api/stations", json={"name": name}, headers=auth)
    response = await client.patch("/api/stations/2", json={"name": "ds-1"}, headers=auth)
    assert await status_and_message(response) == (400, "Station already exists.")
    assert (await client.patch("/api/stations/2", json={"name": "ds-2"}, headers=auth)).status == 200


async def test_put_replaces_all_fields(client: Client) -> None:
    response = await client.put("/api/ships/4", json=SHIP, headers=bearer(client))
    assert await response.json() == {"id": 4, **SHIP}
