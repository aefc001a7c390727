"""The records of plugins: loaded from the data file, and stored when the plugin is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from service.http.app_keys import STORE
from service.store.base import Collection
from tests.support.planets import PLANETS
from tests.support.requests import Client, bearer

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]
HOTH = {"name": "Hoth", "climate": "frozen"}


BARE = """
from aiohttp import web
from service import STORE, Collection, Query, public

MOONS = Collection("moons", unique="name", write_only=("base",))
collections = [MOONS]

@public
async def show(request):
    page = await request.app[STORE].find(MOONS, Query())
    return web.json_response([record.data for record in page.records])

routes = [web.get("/moons", show)]
"""


async def test_records_of_a_collection_without_a_resource_are_loaded_too(
    install: Install, make_client: MakeClient, data_with: Callable[..., str]
) -> None:
    install("moons", BARE)
    client = await make_client(data=data_with(moons=[{"id": 7, "name": "Endor", "base": "secret", "any": [1, None]}]))
    assert await (await client.get("/moons")).json() == [{"id": 7, "name": "Endor", "any": [1, None]}]
    assert await client.app[STORE].write_only_fields(Collection("moons"), 7) == {"base": "secret"}


async def test_records_of_a_skipped_plugin_do_not_stop_the_start(
    install: Install, make_client: MakeClient, data_with: Callable[..., str]
) -> None:
    install("moons", "import nowhere")
    client = await make_client(data=data_with(moons=[{"id": 7}]), plugins={"on_error": "skip"})
    assert (await (await client.get("/health/ready")).json())["plugins_skipped"] == ["moons"]
    assert (await client.get("/api/ships/1")).status == 200


async def test_records_of_a_removed_plugin_stay_in_the_store(
    install: Install, make_client: MakeClient, tmp_path: Path
) -> None:
    install("planets", PLANETS)
    store = f"sqlite:///{tmp_path}/shipyard.db"
    client = await make_client(store=store)
    assert (await client.post("/api/planets", json=HOTH, headers=bearer(client))).status == 201
    await client.close()
    client = await make_client(store=store, plugins={"enabled": ["users"]})
    assert (await client.get("/api/users/1")).status == 200
    assert (await client.get("/api/planets/1")).status == 404
    await client.close()
    client = await make_client(store=store)
    assert await (await client.get("/api/planets/1")).json() == {"id": 1, **HOTH}
