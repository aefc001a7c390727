"""The data file: all of it goes into an empty store, once; or nothing does, and every fault is told with its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from service.app import create_app
from service.auth.passwords import is_hash
from service.auth.users import USERS
from service.data.seed import LARGEST_FILE
from service.errors import StartupError
from service.http.app_keys import STORE
from service.http.server import Runner
from service.settings.schema import ROOT
from service.testing import settings_for_tests
from tests.support.planets import PLANETS
from tests.support.program import startup_error
from tests.support.requests import SHIP, Client, bearer

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]
Faults = Callable[[Any], Awaitable[list[str]]]

USER = {"id": 1, "name": "user", "password": "password"}
EMPTY: dict[str, Any] = {"users": [], "ships": []}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my data.json"


@pytest.fixture
def faults(path: Path) -> Faults:
    """`await faults(content)`: what is said of a file of these bytes, or of this document; without the file's name."""

    async def ask(content: Any) -> list[str]:
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
        lines = (await startup_error(settings_for_tests(data=str(path)))).splitlines()
        assert all(line.startswith((f"{path}: ", "There may be more.")) for line in lines), lines
        return [line.removeprefix(f"{path}: ") for line in lines]

    return ask


async def test_the_example_is_there_with_its_ids_and_with_hashes_for_passwords(make_client: MakeClient) -> None:
    example = orjson.loads((ROOT / "data.json").read_bytes())
    assert (len(example["users"]), len(example["ships"])) == (2, 15)
    client = await make_client(data="data.json")
    assert await (await client.get("/api/ships")).json() == example["ships"]
    names = [{"id": user["id"], "name": user["name"]} for user in example["users"]]
    assert await (await client.get("/api/users")).json() == names
    store = client.app[STORE]
    for user in example["users"]:
        hidden = await store.write_only_fields(USERS, user["id"])
        assert hidden is not None
        assert is_hash(hidden["password"])
        answer = await client.post("/auth/login", json={"username": user["name"], "password": user["password"]})
        assert answer.status == 200


async def test_new_records_come_after_those_of_the_file(make_client: MakeClient, path: Path) -> None:
    path.write_bytes(orjson.dumps(EMPTY | {"ships": [{"id": 70, **SHIP}, {"id": 7, **SHIP}]}))
    client = await make_client(data=str(path))
    assert [ship["id"] for ship in await (await client.get("/api/ships")).json()] == [7, 70]


async def test_a_relative_path_starts_at_the_project_wherever_the_service_is_started(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    client = await make_client(data="data.json")
    assert len(await (await client.get("/api/ships")).json()) == 15


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    assert (
        await startup_error(settings_for_tests(data=str(missing))) == f"{missing}: cannot be read: No such file or directory"
    )
    assert await startup_error(settings_for_tests(data=str(tmp_path))) == f"{tmp_path}: cannot be read: Is a directory"


BROKEN = {
    b"": "Not valid JSON: ",
    b" \n": "Not valid JSON: ",
    b"{": "Not valid JSON: ",
    b'{"users": [],}': "Not valid JSON: ",
    b"{'users': []}": "Not valid JSON: ",
    b"users": "Not valid JSON: ",
    b'\xef\xbb\xbf{"users": [], "ships": []}': "Not valid JSON: ",
    '{"users": [], "ships": []}'.encode("utf-16"): "Not valid JSON: ",
    b'{"users": ["\xff"], "ships": []}': "Not valid JSON: ",
    b'{"users": ["\\ud800"], "ships": []}': "Not valid JSON: ",
    b'{"users": ["\\u0000"], "ships": []}': "Not valid JSON: a text holds U+0000",
    b'{"users": [NaN], "ships": []}': "Not valid JSON: ",
    b'{"users": [1e999], "ships": []}': "Not valid JSON: ",
    b'{"users": [90071992547409921], "ships": []}': "Not valid JSON: a whole number is beyond ",
    b'{"users": ' + b"[" * 40 + b"]" * 40 + b"}": "Not valid JSON: it is nested more than 32 levels deep",
    b"[" * 100_000: "Not valid JSON: ",
    b"[]": 'is no JSON object like {"users": [...], "ships": [...]}.',
    b"null": 'is no JSON object like {"users": [...], "ships": [...]}.',
    b'"users"': 'is no JSON object like {"users": [...], "ships": [...]}.',
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.items(), ids=[repr(content[:30]) for content in BROKEN])
async def test_what_is_no_json_object_is_told(faults: Faults, content: bytes, reason: str) -> None:
    (line,) = await faults(content)
    assert line.startswith(reason)


async def test_a_syntax_error_has_its_line_and_column(faults: Faults) -> None:
    assert (await faults(b'{"users": [],\n "ships": oops}'))[0].endswith("line 2 column 11 (char 24)")


async def test_a_file_that_is_too_large_is_not_even_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert await startup_error(settings_for_tests(data=str(path))) == (
        f"{path}: has 10485761 bytes, more than 10485760; use: python -m service load"
    )


SHAPES: list[tuple[Any, list[str]]] = [
    ({}, ["/users: Missing.", "/ships: Missing."]),
    ({"users": []}, ["/ships: Missing."]),
    ({"ships": []}, ["/users: Missing."]),
    (EMPTY | {"users": {}}, ["/users: Not a list."]),
    (EMPTY | {"users": None}, ["/users: Not a list."]),
    (EMPTY | {"ships": "none"}, ["/ships: Not a list."]),
    (EMPTY | {"users": [USER, 5, None, []]}, [f"/users/{index}: Not an object." for index in (1, 2, 3)]),
]


@pytest.mark.parametrize(("document", "expected"), SHAPES)
async def test_collections_are_lists_of_objects_and_none_is_missing(
    faults: Faults, document: Any, expected: list[str]
) -> None:
    assert sorted(await faults(document)) == sorted(expected)


async def test_every_record_has_an_id_of_its_own(faults: Faults) -> None:
    odd = ["1", 0, -1, 1.0, True, None, [1]]
    users = [{"name": "user", "password": "password"}, *({**USER, "id": id} for id in odd)]
    assert await faults(EMPTY | {"users": users}) == [
        f"/users/{index}/id: Missing, or not a whole number from 1." for index in range(8)
    ]
    ships = [{"id": 3, **SHIP}, {"id": 4, **SHIP}, {"id": 3, **SHIP}]
    assert await faults(EMPTY | {"ships": ships}) == ["/ships/2/id: 3 is there twice."]


async def test_names_are_there_once_without_regard_to_case_and_form(faults: Faults) -> None:
    names = ["user", "guest", "User", "ｇｕｅｓｔ"]
    users = [{"id": index, "name": name, "password": "password"} for index, name in enumerate(names, 1)]
    assert [line.partition(" ")[0] for line in await faults(EMPTY | {"users": users})] == [
        "/users/2/name:",
        "/users/3/name:",
    ]


async def test_records_are_held_to_what_a_client_is_held_to(faults: Faults) -> None:
    ship = {"id": 1, **SHIP}
    without = {name: value for name, value in ship.items() if name != "model"}
    document = {
        "users": [
            {"id": 1, "name": "u", "password": "password"},
            {"id": 2, "name": "guest"},
            {"id": 3, "password": "password"},
            {"id": 4, "name": "other", "password": "pas"},
            {**USER, "id": 5, "admin": True, "role/~name": 1},
            {**USER, "id": 6, "password": 12345},
        ],
        "ships": [{**ship, "crew": 0}, {**ship, "crew": "7", "length": None}, {**ship, "roles": ["x", 5]}, without],
    }
    assert sorted(await faults(document)) == [
        "/ships/0/crew: Must be greater than or equal to 1.",
        "/ships/1/crew: Not a valid integer.",
        "/ships/1/length: Field may not be null.",
        "/ships/2/roles/1: Not a valid string.",
        "/ships/3/model: Missing data for required field.",
        "/users/0/name: Shorter than minimum length 2.",
        "/users/1/password: Missing data for required field.",
        "/users/2/name: Missing data for required field.",
        "/users/3/password: Shorter than minimum length 4.",
        "/users/4/admin: Unknown field.",
        "/users/4/role~1~0name: Unknown field.",
        "/users/5/password: Not a valid string.",
    ]


async def test_of_very_many_faults_the_first_are_told(faults: Faults) -> None:
    said = await faults(EMPTY | {"ships": [{}] * 10_000})
    assert said[0] == "/ships/0/id: Missing, or not a whole number from 1."
    assert len(said) < 30


async def test_a_password_never_shows_in_what_is_said(faults: Faults) -> None:
    said = await faults(
        EMPTY | {"users": [{"id": 1, "name": "u", "password": "canary"}, {**USER, "password": ["canary"]}]}
    )
    assert "canary" not in "".join(said)


async def test_one_fault_and_nothing_of_the_file_is_kept(path: Path) -> None:
    path.write_bytes(orjson.dumps(EMPTY | {"users": [USER], "ships": [{"id": 1, **SHIP}, {"id": 2}]}))
    app = create_app(settings_for_tests(data=str(path)))
    runner = Runner(app)
    with pytest.raises(StartupError):
        await runner.setup()
    await runner.cleanup()
    assert await app[STORE].is_new()
    assert await app[STORE].get(USERS, 1) is None


async def test_after_a_fault_is_mended_a_durable_store_is_filled(
    make_client: MakeClient, path: Path, tmp_path: Path
) -> None:
    settings = {"data": str(path), "store": f"sqlite:///{tmp_path}/shipyard.db"}
    path.write_bytes(orjson.dumps(EMPTY | {"ships": [{"id": 1, **SHIP}, {"id": 2}]}))
    await startup_error(settings_for_tests(**settings))
    path.write_bytes(orjson.dumps(EMPTY | {"ships": [{"id": 2, **SHIP}]}))
    client = await make_client(**settings)
    assert await (await client.get("/api/ships")).json() == [{"id": 2, **SHIP}]


async def test_a_store_that_was_written_to_is_never_filled_again(make_client: MakeClient, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/shipyard.db"
    client = await make_client(store=store)
    headers = bearer(client)
    for id in range(1, 16):
        assert (await client.delete(f"/api/ships/{id}", headers=headers)).status == 204
    await client.close()
    client = await make_client(store=store, data="no such file")
    assert await (await client.get("/api/ships")).json() == []
    answer = await client.post("/api/ships", json=SHIP, headers=bearer(client))
    assert (await answer.json())["id"] == 16


async def test_what_no_plugin_keeps_is_left_out_with_a_warning(
    make_client: MakeClient, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(orjson.dumps(EMPTY | {"comets": [{"odd": 1}]}))
    await make_client(data=str(path))
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage() == f"{path}: /comets: no plugin that is loaded keeps this collection; it is left out."


async def test_a_plugins_collection_may_be_missing(install: Install, make_client: MakeClient, path: Path) -> None:
    install("planets", PLANETS)
    path.write_bytes(orjson.dumps(EMPTY))
    client = await make_client(data=str(path))
    assert await (await client.get("/api/planets")).json() == []


async def test_a_plugins_records_are_held_to_its_schema(install: Install, faults: Faults) -> None:
    install("planets", PLANETS)
    planets = [{"id": 1, "name": "Hoth", "climate": "frozen"}, {"id": 2, "name": "HOTH", "climate": 5}]
    assert await faults(EMPTY | {"planets": planets}) == ["/planets/1/climate: Not a valid string."]
    planets[1]["climate"] = "mild"
    (line,) = await faults(EMPTY | {"planets": planets})
    assert line.startswith("/planets/1/name: 'HOTH' is there twice")


BARE = "from service import Collection\nroutes = []\ncollections = [Collection('moons', unique='name')]\n"


async def test_a_collection_without_a_resource_has_ids_and_unique_names_too(install: Install, faults: Faults) -> None:
    install("moons", BARE)
    moons: list[dict[str, Any]] = [{"id": 1, "name": "Endor"}, {"name": "Yavin"}, {"id": 3}, {"id": 4, "name": 5}]
    assert await faults(EMPTY | {"moons": moons}) == [
        "/moons/1/id: Missing, or not a whole number from 1.",
        "/moons/2/name: Missing, or not a text.",
        "/moons/3/name: Missing, or not a text.",
    ]
    (line,) = await faults(EMPTY | {"moons": [*moons[:1], {"id": 2, "name": "ENDOR"}]})
    assert line.startswith("/moons/1/name: 'ENDOR' is there twice")
