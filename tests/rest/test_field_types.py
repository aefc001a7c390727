"""Resources with fields of every type: reading, writing, filtering, sorting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from service.app import create_app
from service.errors import StartupError
from service.http.app_keys import STORE
from service.store.base import Collection
from service.testing import settings_for_tests
from tests.support.planets import PLANETS
from tests.support.requests import Client, Json, bearer, status_and_message

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]


WORLDS = """
from marshmallow import Schema
from marshmallow.fields import UUID, Boolean, Date, DateTime, Enum, Float, Integer, List, String, Time
from service import Collection, Resource
import enum

class Climate(enum.Enum):
    arid = 1
    frozen = 2

class WorldSchema(Schema):
    id = Integer(dump_only=True)
    found = DateTime(required=True)
    day = Date(required=True)
    noon = Time(required=True)
    gravity = Float(required=True)
    inhabited = Boolean(required=True, data_key="isInhabited")
    key = UUID(required=True)
    climate = Enum(Climate, required=True)
    moons = List(String(), required=True)
    distances = List(Float(), required=True)
    ruler = String(allow_none=True)

class Worlds(Resource):
    path = "/api/worlds"
    collection = Collection("worlds")
    schema = WorldSchema

routes = Worlds.routes()
"""

NEAR: Json = {
    "id": 1,
    "found": "2026-01-02T03:04:05",
    "day": "2026-01-02",
    "noon": "11:59:00",
    "gravity": 0.5,
    "isInhabited": True,
    "key": "4f6f1d5e-7f0c-4e0c-9d61-3a44a7f8f111",
    "climate": "arid",
    "moons": ["Ghomrassen", "Guermessa"],
    "distances": [1.5, 2.0],
    "ruler": None,
}

FAR: Json = NEAR | {
    "id": 2,
    "found": "2027-01-02T03:04:05",
    "day": "2027-02-03",
    "noon": "12:00:00",
    "gravity": 1.25,
    "isInhabited": False,
    "key": "0f6f1d5e-7f0c-4e0c-9d61-3a44a7f8f222",
    "climate": "frozen",
    "moons": [],
    "distances": [3.25],
    "ruler": "Jabba",
}

QUERIES = {
    "found_gt=2026-06-01T00:00:00": [2],
    "found=2026-01-02 03:04:05": [1],
    "day_lte=2026-12-31": [1],
    "noon_lt=12:00": [1],
    "gravity_gte=0.75": [2],
    "gravity=0.5&gravity=1.25": [1, 2],
    "isInhabited=true": [1],
    "isInhabited=0": [2],
    "key=4F6F1D5E7F0C4E0C9D613A44A7F8F111": [1],
    "climate=frozen": [2],
    "climate_ne=frozen": [1],
    "moons=Guermessa": [1],
    "distances=3.25": [2],
    "ruler=Jabba": [2],
    "q=ghom": [1],
    "_sort=key": [2, 1],
    "_sort=-gravity": [2, 1],
    "_sort=isInhabited": [2, 1],
    "_sort=found&_order=desc": [2, 1],
    "_sort=ruler": [1, 2],
}

INVALID = {
    "found=yesterday": "Not a valid datetime.",
    "day=02.01.2026": "Not a valid date.",
    "noon=noon": "Not a valid time.",
    "gravity=heavy": "Not a valid number.",
    "gravity=nan": "Special numeric values (nan or infinity) are not permitted.",
    "isInhabited=perhaps": "Not a valid boolean.",
    "key=1": "Not a valid UUID.",
    "climate=mild": "Must be one of: arid, frozen.",
    "inhabited=true": "Unknown parameter.",
}


@pytest.fixture
async def worlds(install: Install, make_client: MakeClient) -> Client:
    install("worlds", WORLDS)
    client = await make_client()
    for world in (NEAR, FAR):
        sent = {name: value for name, value in world.items() if name != "id"}
        response = await client.post("/api/worlds", json=sent, headers=bearer(client))
        assert (response.status, await response.json()) == (201, world)
    return client


async def test_fields_of_every_type_are_returned_as_they_were_sent(worlds: Client) -> None:
    assert await (await worlds.get("/api/worlds")).json() == [NEAR, FAR]
    response = await worlds.put("/api/worlds/1", json=NEAR | {"gravity": 9.75}, headers=bearer(worlds))
    assert (response.status, await response.json()) == (200, NEAR | {"gravity": 9.75})
    response = await worlds.patch("/api/worlds/1", json={"climate": "frozen", "ruler": None}, headers=bearer(worlds))
    assert response.status == 200
    changed = NEAR | {"gravity": 9.75, "climate": "frozen"}
    del changed["ruler"]
    assert await (await worlds.get("/api/worlds/1")).json() == changed


async def test_fields_of_every_type_can_be_filtered_and_sorted(worlds: Client) -> None:
    found = {}
    for query in QUERIES:
        response = await worlds.get(f"/api/worlds?{query}")
        assert response.status == 200, query
        found[query] = [world["id"] for world in await response.json()]
    assert found == QUERIES


async def test_the_value_of_a_filter_is_validated_by_the_type_of_its_field(worlds: Client) -> None:
    for query, reason in INVALID.items():
        response = await worlds.get(f"/api/worlds?{query}")
        assert await status_and_message(response) == (400, {query.partition("=")[0]: [reason]})


async def test_a_write_only_field_may_have_a_data_key(install: Install, make_client: MakeClient) -> None:
    code = PLANETS.replace("climate = String(", "base = String(data_key='secretBase', load_only=True, ")
    install("planets", code.replace('unique="name"', 'unique="name", write_only=("secretBase",)'))
    client = await make_client()
    response = await client.post("/api/planets", json={"name": "Hoth", "secretBase": "Echo"}, headers=bearer(client))
    assert (response.status, await response.json()) == (201, {"id": 1, "name": "Hoth"})
    assert await client.app[STORE].write_only_fields(Collection("planets"), 1) == {"secretBase": "Echo"}


async def test_a_decimal_is_stored_as_a_string(install: Install, make_client: MakeClient) -> None:
    install(
        "planets", PLANETS.replace("climate = String(", "climate = Decimal(").replace("String", "Decimal, String", 1)
    )
    client = await make_client()
    response = await client.post("/api/planets", json={"name": "Hoth", "climate": "0.10"}, headers=bearer(client))
    assert (response.status, await response.json()) == (201, {"id": 1, "name": "Hoth", "climate": "0.10"})


@pytest.mark.parametrize("options", ["", "required=True, allow_none=True"])
def test_a_unique_field_that_is_optional_is_an_error(install: Install, options: str) -> None:
    install("planets", PLANETS.replace("name = String(required=True)", f"name = String({options})"))
    with pytest.raises(StartupError, match=r"^plugin 'planets': PlanetSchema: .*'name'"):
        create_app(settings_for_tests())
