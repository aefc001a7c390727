"""Plugins in the running service: what they add to it, what becomes of their faults, and what they cannot do."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from service.__main__ import main
from service.app import create_app
from service.errors import StartupError
from service.http.app_keys import STORE
from service.http.server import Runner
from service.settings.schema import Settings
from service.store.base import Collection
from service.testing import settings_for_tests
from tests.support.planets import PLANETS
from tests.support.program import Program, why_not
from tests.support.requests import Client, Json, bearer, refusal, refused

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "shipyard-NAME"
version = "0.1"
dependencies = ["shipyard"]

[project.entry-points."shipyard.plugins"]
NAME = "shipyard_NAME"
"""
TATOOINE = {"name": "Tatooine", "climate": "arid"}
HOTH = {"name": "Hoth", "climate": "frozen"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has installed two packages: a plugin `planets`, and one `broken` that cannot be imported."""
    folder = tmp_path_factory.mktemp("packages")
    for name, code in (("planets", PLANETS), ("broken", "import nowhere\n")):
        project = folder / name
        project.mkdir()
        (project / "pyproject.toml").write_text(PROJECT.replace("NAME", name))
        (project / f"shipyard_{name}.py").write_text(code)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    command += ["--no-build-isolation", "--no-deps", "--target", str(folder / "site")]
    subprocess.run([*command, str(folder / "planets"), str(folder / "broken")], check=True)
    return folder / "site"


@pytest.fixture
def data_with(data_file: Path, tmp_path: Path) -> Callable[..., str]:
    """`data_with(planets=[...])`: the path of the example's data and these collections."""

    def write(**collections: Any) -> str:
        path = tmp_path / "more.json"
        path.write_bytes(orjson.dumps(orjson.loads(data_file.read_bytes()) | collections))
        return str(path)

    return write


@pytest.fixture
def settings(data_file: Path) -> Settings:
    return settings_for_tests(data=str(data_file))


async def test_a_package_of_ten_lines_adds_a_resource(site: Path, data_with: Callable[..., str]) -> None:
    settings = {
        "SHIPYARD_PLUGINS_ENABLED": "users,auth,planets",
        "SHIPYARD_DATA": data_with(planets=[{"id": 1, **TATOOINE}]),
    }
    with Program(PYTHONPATH=str(site), **settings) as program:
        base = f"http://127.0.0.1:{program.port()}"
        async with aiohttp.ClientSession(base) as session:
            answer = await session.post("/auth/login", json={"username": "user", "password": "password"})
            headers = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
            assert (await session.post("/api/planets", json=HOTH)).status == 401
            answer = await session.post("/api/planets", json=HOTH, headers=headers)
            assert (answer.status, await answer.json()) == (201, {"id": 2, **HOTH})
            assert answer.headers["Location"] == f"{base}/api/planets/2"
            listed = await (await session.get("/api/planets", params={"climate": "frozen"})).json()
            assert listed == [{"id": 2, **HOTH}]
            assert await (await session.get("/api/planets/1")).json() == {"id": 1, **TATOOINE}
            document = await (await session.get("/api/docs/openapi.json")).json()
            assert document["paths"].keys() >= {"/api/planets", "/api/planets/{id}"}
            assert {"name": "planets"} in document["tags"]
        assert program.stop(signal.SIGTERM) == 0
    assert "plugins: users, auth, planets" in program.log


def test_a_package_that_cannot_be_imported_stops_the_start(site: Path) -> None:
    with Program(PYTHONPATH=str(site)) as program:
        assert program.end() == 1
    (line,) = program.log.splitlines()
    assert line.endswith(
        "plugin 'broken' (shipyard_broken, from shipyard-broken) cannot be imported: "
        "ModuleNotFoundError: No module named 'nowhere'."
    )


def test_a_package_shows_in_the_tables_of_routes_and_plugins(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("SHIPYARD_PLUGINS_ENABLED", "planets")
    assert [main(["routes"]), main(["plugins"])] == [0, 0]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["GET", "/api/planets", "public", "planets", "planets.list"] in lines
    assert ["PUT", "/api/planets/{id}", "user", "planets", "planets.replace"] in lines
    assert ["planets", "shipyard_planets", "shipyard-planets", "0.1", "-", "6"] in lines


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
    "conflict": web.HTTPConflict(text="<h1>canary</h1>", content_type="text/html", headers={"X-Said": "by the plugin"}),
    "moved": web.HTTPFound("/api/ships"),
}
ANSWERS = {"nothing": None, "text": "canary", "object": {"canary": 1}}

@public
async def fail(request):
    raise FAULTS[request.match_info["name"]]

@public
async def answer(request):
    return ANSWERS[request.match_info["name"]]

routes = [web.get("/raise/{name}", fail), web.get("/answer/{name}", answer)]
"""


@pytest.mark.parametrize(
    "path",
    [
        *("/raise/exception", "/raise/exit", "/raise/interrupt", "/raise/cancelled", "/raise/generator"),
        *("/raise/timeout", "/raise/no-such", "/answer/nothing", "/answer/text", "/answer/object"),
    ],
)
async def test_whatever_a_handler_does_wrong_is_a_500_that_only_the_log_explains(
    install: Install, make_client: MakeClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    install("faults", FAULTS)
    client = await make_client()
    answer = await client.get(path, headers={"X-Request-ID": "the-one"})
    assert (answer.status, await refusal(answer)) == (
        500,
        {"error": "Internal Server Error", "code": "internal_server_error"},
    )
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "id=the-one" in record.getMessage()
    assert record.exc_info is not None
    assert (await client.get("/api/ships/1")).status == 200


async def test_what_a_handler_raises_of_aiohttps_gets_the_shape_of_a_refusal(
    install: Install, make_client: MakeClient
) -> None:
    install("faults", FAULTS)
    client = await make_client()
    answer = await client.get("/raise/conflict")
    assert (answer.status, await refusal(answer)) == (409, {"error": "Conflict", "code": "conflict"})
    assert answer.headers["X-Said"] == "by the plugin"
    answer = await client.get("/raise/moved", allow_redirects=False)
    assert (answer.status, answer.headers["Location"], await answer.read()) == (302, "/api/ships", b"")


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


async def test_a_method_that_is_overridden_keeps_its_rule(install: Install, make_client: MakeClient) -> None:
    install("planets", OVERRIDING)
    client = await make_client()
    for ask in (client.get, client.post):
        assert (await ask("/api/planets")).status == 401
    assert await (await client.post("/api/planets", headers=bearer(client))).json() == {"mine": True}
    assert await (await client.get("/api/planets", headers=bearer(client))).json() == ["mine"]
    assert (await client.get("/api/planets/1")).status == 404


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
    "ruler": "nobody",
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
    "ruler=nobody": [2],
    "q=ghom": [1],
    "_sort=key": [2, 1],
    "_sort=-gravity": [2, 1],
    "_sort=isInhabited": [2, 1],
    "_sort=found&_order=desc": [2, 1],
    "_sort=ruler": [1, 2],
}
NONSENSE = {
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
        answer = await client.post("/api/worlds", json=sent, headers=bearer(client))
        assert (answer.status, await answer.json()) == (201, world)
    return client


async def test_fields_of_every_type_come_out_as_they_went_in(worlds: Client) -> None:
    assert await (await worlds.get("/api/worlds")).json() == [NEAR, FAR]
    answer = await worlds.put("/api/worlds/1", json=NEAR | {"gravity": 9.75}, headers=bearer(worlds))
    assert (answer.status, await answer.json()) == (200, NEAR | {"gravity": 9.75})
    answer = await worlds.patch("/api/worlds/1", json={"climate": "frozen", "ruler": None}, headers=bearer(worlds))
    assert answer.status == 200
    kept = NEAR | {"gravity": 9.75, "climate": "frozen"}
    del kept["ruler"]
    assert await (await worlds.get("/api/worlds/1")).json() == kept


async def test_fields_of_every_type_can_be_filtered_and_sorted(worlds: Client) -> None:
    found = {}
    for query in QUERIES:
        answer = await worlds.get(f"/api/worlds?{query}")
        found[query] = [world["id"] for world in await answer.json()] if answer.status == 200 else await answer.text()
    assert found == QUERIES


async def test_a_filter_is_read_by_the_type_of_its_field(worlds: Client) -> None:
    for query, reason in NONSENSE.items():
        answer = await worlds.get(f"/api/worlds?{query}")
        assert await refused(answer) == (400, {query.partition("=")[0]: [reason]})


async def test_a_write_only_field_may_have_another_name_outside(install: Install, make_client: MakeClient) -> None:
    code = PLANETS.replace("climate = String(", "base = String(data_key='secretBase', load_only=True, ")
    install("planets", code.replace('unique="name"', 'unique="name", write_only=("secretBase",)'))
    client = await make_client()
    answer = await client.post("/api/planets", json={"name": "Hoth", "secretBase": "Echo"}, headers=bearer(client))
    assert (answer.status, await answer.json()) == (201, {"id": 1, "name": "Hoth"})
    assert await client.app[STORE].write_only_fields(Collection("planets"), 1) == {"secretBase": "Echo"}


async def test_a_decimal_that_json_cannot_hold_is_no_fault_of_the_client(
    install: Install, make_client: MakeClient
) -> None:
    install(
        "planets", PLANETS.replace("climate = String(", "climate = Decimal(").replace("String", "Decimal, String", 1)
    )
    client = await make_client()
    answer = await client.post("/api/planets", json={"name": "Hoth", "climate": "0.10"}, headers=bearer(client))
    assert (answer.status, await answer.json()) == (201, {"id": 1, "name": "Hoth", "climate": "0.10"})


@pytest.mark.parametrize("options", ["", "required=True, allow_none=True"])
def test_a_unique_field_that_a_record_may_lack_stops_the_start(install: Install, options: str) -> None:
    install("planets", PLANETS.replace("name = String(required=True)", f"name = String({options})"))
    with pytest.raises(StartupError, match=r"^plugin 'planets': PlanetSchema: .*'name'"):
        create_app(settings_for_tests())


async def test_a_plugin_has_a_section_of_the_settings(install: Install, make_client: MakeClient) -> None:
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


async def test_a_collection_without_a_resource_is_filled_too(
    install: Install, make_client: MakeClient, data_with: Callable[..., str]
) -> None:
    install("moons", BARE)
    client = await make_client(data=data_with(moons=[{"id": 7, "name": "Endor", "base": "secret", "any": [1, None]}]))
    assert await (await client.get("/moons")).json() == [{"id": 7, "name": "Endor", "any": [1, None]}]
    assert await client.app[STORE].write_only_fields(Collection("moons"), 7) == {"base": "secret"}


async def test_what_a_broken_plugin_would_have_kept_does_not_stop_the_start(
    install: Install, make_client: MakeClient, data_with: Callable[..., str]
) -> None:
    install("moons", "import nowhere")
    client = await make_client(data=data_with(moons=[{"id": 7}]), plugins={"on_error": "skip"})
    assert (await (await client.get("/health/ready")).json())["plugins_skipped"] == ["moons"]
    assert (await client.get("/api/ships/1")).status == 200


LIFESPAN = """
import logging

log = logging.getLogger("test")
routes = []

async def lifespan(app):
    log.info("NAME opens")
    yield
    log.info("NAME closes")
"""


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the plugins' lifespans said, in order."""
    caplog.set_level("INFO", "test")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "test"]


async def test_what_plugins_open_is_closed_in_reverse(
    install: Install, make_client: MakeClient, said: Callable[[], list[str]]
) -> None:
    install("one", LIFESPAN.replace("NAME", "one"))
    as_context = LIFESPAN.replace(
        "async def", "from contextlib import asynccontextmanager\n@asynccontextmanager\nasync def"
    )
    install("two", as_context.replace("NAME", "two"))
    client = await make_client()
    assert said() == ["one opens", "two opens"]
    await client.close()
    assert said()[2:] == ["two closes", "one closes"]


async def test_a_lifespan_finds_the_store_open_and_filled(install: Install, make_client: MakeClient) -> None:
    code = """
        from service import STORE, USERS
        routes = []

        async def lifespan(app):
            assert await app[STORE].lookup(USERS, "guest")
            yield
            assert await app[STORE].lookup(USERS, "guest")
    """
    install("planets", code)
    await (await make_client()).close()


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError: "),
        ("return", "RuntimeError: generator didn't yield"),
    ],
)
async def test_a_plugin_that_cannot_open_stops_the_start_and_the_others_are_closed(
    install: Install, settings: Settings, said: Callable[[], list[str]], opening: str, reason: str
) -> None:
    install("one", LIFESPAN.replace("NAME", "one"))
    install("two", LIFESPAN.replace("NAME", "two").replace("yield", f"{opening}\n    yield"))
    install("zoo", LIFESPAN.replace("NAME", "zoo"))
    assert await why_not(settings) == f"plugin 'two' cannot start: {reason}"
    assert said() == ["one opens", "two opens", "one closes"]


async def test_who_cancels_a_start_or_a_stop_is_obeyed(
    install: Install, settings: Settings, said: Callable[[], list[str]]
) -> None:
    hang = "log.info('it hangs'); import asyncio; await asyncio.Event().wait()"
    install("one", LIFESPAN.replace("NAME", "one"))
    install("two", LIFESPAN.replace("NAME", "two").replace("    yield", f"    {hang}\n    yield"))
    install("zoo", f"{LIFESPAN.replace('NAME', 'zoo')}    {hang}\n")
    for names, last in ((["users", "one", "two"], "setup"), (["users", "one", "zoo"], "cleanup")):
        before = len(said())
        plugins = dataclasses.replace(settings.plugins, enabled=names)
        runner = Runner(create_app(dataclasses.replace(settings, plugins=plugins)))
        if last == "cleanup":
            await runner.setup()
        task = asyncio.create_task(getattr(runner, last)())
        while "it hangs" not in said()[before:]:  # noqa: ASYNC110  # what it waits for is a line of the log
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert said()[-1] == "one closes"
        await runner.cleanup()


async def test_a_lifespan_that_takes_no_app_stops_the_start(install: Install, settings: Settings) -> None:
    install("planets", LIFESPAN.replace("(app)", "()"))
    assert (await why_not(settings)).startswith("plugin 'planets' cannot start: TypeError: lifespan() takes 0")


@pytest.mark.parametrize(
    "closing",
    [
        "raise ValueError('canary')",
        "raise SystemExit('canary')",
        "import asyncio; raise asyncio.CancelledError('canary')",
        "yield",
        "import asyncio; await asyncio.Event().wait()",
    ],
)
async def test_a_plugin_that_does_not_close_keeps_no_other_from_closing(
    install: Install,
    make_client: MakeClient,
    said: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    closing: str,
) -> None:
    install("one", LIFESPAN.replace("NAME", "one"))
    install("two", f"{LIFESPAN.replace('NAME', 'two')}    {closing}\n")
    install("zoo", LIFESPAN.replace("NAME", "zoo"))
    client = await make_client(limits={"stop_seconds": 0.1})
    await client.close()
    assert said()[3:] == ["zoo closes", "two closes", "one closes"]
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == "plugin 'two' did not stop cleanly"


async def test_a_plugin_cannot_put_a_middleware_around_the_routes_of_others(
    install: Install, settings: Settings
) -> None:
    code = """
        routes = []

        async def lifespan(app):
            app.middlewares.append(None)
            yield
    """
    install("planets", code)
    assert (await why_not(settings)).startswith("plugin 'planets' cannot start: RuntimeError: ")


async def test_a_route_that_comes_late_cannot_be_added(install: Install, settings: Settings) -> None:
    code = """
        from aiohttp import web
        from service import public
        routes = []

        @public
        async def steal(request):
            return web.Response(text="mine")

        async def lifespan(app):
            app.router.add_get("/api/planets", steal)
            yield
    """
    install("planets", code)
    assert (await why_not(settings)).startswith("plugin 'planets' cannot start: RuntimeError: ")


async def test_what_a_plugin_reads_of_users_holds_no_hash(install: Install, make_client: MakeClient) -> None:
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


async def test_what_a_removed_plugin_kept_stays_and_does_not_stop_the_start(
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
