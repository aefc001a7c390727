"""Handlers of plugins: what happens to the exceptions they raise and to what they return."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from tests.support.planets import PLANETS
from tests.support.requests import Client, bearer, error_body

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]


INTERNAL_ERROR = {
    "error": "Internal Server Error",
    "message": "The cause is in the log of the service, under this request_id.",
    "code": "internal_server_error",
}
CONFLICT = {"error": "Conflict", "message": "Conflict.", "code": "conflict"}
FAULTS = """
import asyncio
from aiohttp import web
from service import public

FAULTS = {
    "exception": Exception("canary"),
    "exit": SystemExit("canary"),
    "interrupt": KeyboardInterrupt("canary"),
    "cancelled": asyncio.CancelledError("canary"),
    "generator": GeneratorExit("canary"),
    "timeout": TimeoutError("canary"),
    "conflict": web.HTTPConflict(text="<h1>canary</h1>", content_type="text/html", headers={"X-Header": "plugin"}),
    "moved": web.HTTPFound("/api/ships"),
}
RETURNED = {"nothing": None, "text": "canary", "object": {"canary": 1}}

@public
async def fail(request):
    raise FAULTS[request.match_info["name"]]

@public
async def return_value(request):
    return RETURNED[request.match_info["name"]]

routes = [web.get("/raise/{name}", fail), web.get("/return/{name}", return_value)]
"""


@pytest.mark.parametrize(
    "path",
    [
        *("/raise/exception", "/raise/exit", "/raise/interrupt", "/raise/cancelled", "/raise/generator"),
        *("/raise/timeout", "/raise/no-such", "/return/nothing", "/return/text", "/return/object"),
    ],
)
async def test_any_exception_or_wrong_return_value_is_a_500_and_logged(
    install: Install, make_client: MakeClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    install("faults", FAULTS)
    client = await make_client()
    response = await client.get(path, headers={"X-Request-ID": "the-one"})
    assert (response.status, await error_body(response)) == (
        500,
        INTERNAL_ERROR,
    )
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "id=the-one" in record.getMessage()
    assert record.exc_info is not None
    assert (await client.get("/api/ships/1")).status == 200


async def test_an_http_exception_of_aiohttp_has_the_body_of_an_error(install: Install, make_client: MakeClient) -> None:
    install("faults", FAULTS)
    client = await make_client()
    response = await client.get("/raise/conflict")
    assert (response.status, await error_body(response)) == (409, CONFLICT)
    assert response.headers["X-Header"] == "plugin"
    response = await client.get("/raise/moved", allow_redirects=False)
    assert (response.status, response.headers["Location"], await response.read()) == (302, "/api/ships", b"")


OVERRIDING = f"""
from aiohttp import web
from service import public, user

{PLANETS.replace("routes = Planets.routes()", "")}
class Mine(Planets):
    access = Planets.access | {{"list": user}}

    @public
    async def add(self, request):
        return web.json_response({{"mine": True}}, status=201)

    async def list(self, request):
        return web.json_response(["mine"])

routes = Mine.routes()
"""


async def test_the_access_rule_applies_to_an_overridden_method(install: Install, make_client: MakeClient) -> None:
    install("planets", OVERRIDING)
    client = await make_client()
    for send in (client.get, client.post):
        assert (await send("/api/planets")).status == 401
    assert await (await client.post("/api/planets", headers=bearer(client))).json() == {"mine": True}
    assert await (await client.get("/api/planets", headers=bearer(client))).json() == ["mine"]
    assert (await client.get("/api/planets/1")).status == 404


async def test_a_plugin_can_read_its_table_of_the_settings(install: Install, make_client: MakeClient) -> None:
    code = """
        from aiohttp import web
        from service import SETTINGS, public

        @public
        async def show(request):
            return web.json_response(request.app[SETTINGS].plugins.sections["planets"])

        routes = [web.get("/planets", show)]
    """
    install("planets", code)
    client = await make_client(plugins={"planets": {"far": 5, "names": ["Hoth"]}})
    assert await (await client.get("/planets")).json() == {"far": 5, "names": ["Hoth"]}


async def test_no_read_of_a_plugin_returns_the_hash_of_a_password(install: Install, make_client: MakeClient) -> None:
    code = """
        from aiohttp import web
        from service import STORE, USERS, Query, public

        @public
        async def show(request):
            store = request.app[STORE]
            one, named = await store.get(USERS, 1), await store.lookup(USERS, "user")
            return web.json_response(repr([one, named, await store.find(USERS, Query())]))

        routes = [web.get("/users", show)]
    """
    install("spy", code)
    client = await make_client()
    text = await (await client.get("/users")).text()
    assert "guest" in text
    assert "argon2" not in text
    assert "password" not in text
