"""The data file: all of its records are loaded into an empty store, once; or none, with every error reported."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from service.app import create_app
from service.auth.passwords import is_hash
from service.auth.users import USERS
from service.data.seed import MAX_BYTES
from service.errors import StartupError
from service.http.app_keys import STORE
from service.http.server import Runner
from service.settings.schema import ROOT
from service.store.base import Query
from service.testing import settings_for_tests
from tests.support.planets import PLANETS
from tests.support.program import startup_error
from tests.support.requests import SHIP, Client, bearer

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]
Errors = Callable[[Any], Awaitable[list[str]]]

USER = {"id": 1, "name": "user", "password": "password"}
EMPTY: dict[str, Any] = {"users": [], "ships": []}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my data.json"


@pytest.fixture
def errors(path: Path) -> Errors:
    """`await errors(content)` returns the errors for a file of these bytes or this document, without its name."""

    async def ask(content: Any) -> list[str]:
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
        lines = (await startup_error(settings_for_tests(data=str(path)))).splitlines()
        assert all(line.startswith((f"{path}: ", "There may be more errors.")) for line in lines), lines
        return [line.removeprefix(f"{path}: ") for line in lines]

    return ask


async def test_the_records_of_the_example_are_loaded_with_ids_and_hashed_passwords(
    make_client: MakeClient,
) -> None:
    example = orjson.loads((ROOT / "data.json").read_bytes())
    assert (len(example["users"]), len(example["ships"])) == (2, 15)
    client = await make_client(data="data.json")
    assert await (await client.get("/api/ships")).json() == example["ships"]
    names = [{"id": user["id"], "name": user["name"]} for user in example["users"]]
    assert await (await client.get("/api/users")).json() == names
    store = client.app[STORE]
    for user in example["users"]:
        write_only = await store.write_only_fields(USERS, user["id"])
        assert write_only is not None
        assert is_hash(write_only["password"])
        response = await client.post("/auth/login", json={"username": user["name"], "password": user["password"]})
        assert response.status == 200


async def test_records_are_listed_by_id_in_any_order_of_the_file(make_client: MakeClient, path: Path) -> None:
    path.write_bytes(orjson.dumps(EMPTY | {"ships": [{"id": 70, **SHIP}, {"id": 7, **SHIP}]}))
    client = await make_client(data=str(path))
    assert [ship["id"] for ship in await (await client.get("/api/ships")).json()] == [7, 70]


async def test_a_relative_path_starts_at_the_project_not_at_the_current_directory(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    client = await make_client(data="data.json")
    assert len(await (await client.get("/api/ships")).json()) == 15


async def test_the_error_for_an_unreadable_file_contains_its_path(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    error = await startup_error(settings_for_tests(data=str(missing)))
    assert error == f"{missing}: cannot be read: No such file or directory"
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
    b'{"users": ["\\u0000"], "ships": []}': "/users/0: Must not contain U+0000.",
    b'{"users": [NaN], "ships": []}': "Not valid JSON: ",
    b'{"users": [1e999], "ships": []}': "/users/0: Must be a number from ",
    b'{"users": [90071992547409921], "ships": []}': "/users/0: Must be a number from ",
    b'{"users": ' + b"[" * 40 + b"]" * 40 + b"}": "Not valid JSON: nested more than 32 levels deep",
    b"[" * 100_000: "Not valid JSON: ",
    b"[]": 'is not a JSON object such as {"users": [...], "ships": [...]}.',
    b"null": 'is not a JSON object such as {"users": [...], "ships": [...]}.',
    b'"users"': 'is not a JSON object such as {"users": [...], "ships": [...]}.',
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.items(), ids=[repr(content[:30]) for content in BROKEN])
async def test_a_file_that_is_not_a_json_object_is_an_error(errors: Errors, content: bytes, reason: str) -> None:
    (line,) = await errors(content)
    assert line.startswith(reason)


async def test_a_syntax_error_is_reported_with_line_and_column(errors: Errors) -> None:
    assert (await errors(b'{"users": [],\n "ships": oops}'))[0].endswith("line 2 column 11 (char 24)")


async def test_a_file_that_is_too_large_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
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
async def test_a_collection_must_be_a_list_of_objects_and_is_required(
    errors: Errors, document: Any, expected: list[str]
) -> None:
    assert sorted(await errors(document)) == sorted(expected)


async def test_every_record_has_a_unique_positive_integer_as_id(errors: Errors) -> None:
    invalid = ["1", 0, -1, 1.0, True, None, [1]]
    users = [{"name": "user", "password": "password"}, *({**USER, "id": id} for id in invalid)]
    assert await errors(EMPTY | {"users": users}) == [
        f"/users/{index}/id: Missing or not a positive integer." for index in range(8)
    ]
    ships = [{"id": 3, **SHIP}, {"id": 4, **SHIP}, {"id": 3, **SHIP}]
    assert await errors(EMPTY | {"ships": ships}) == ["/ships/2/id: Duplicate value: 3."]


async def test_names_that_differ_in_case_or_form_only_are_duplicates(errors: Errors) -> None:
    names = ["user", "guest", "User", "ｇｕｅｓｔ"]
    users = [{"id": index, "name": name, "password": "password"} for index, name in enumerate(names, 1)]
    assert [line.partition(" ")[0] for line in await errors(EMPTY | {"users": users})] == [
        "/users/2/name:",
        "/users/3/name:",
    ]


async def test_records_are_validated_as_those_of_a_client(errors: Errors) -> None:
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
    assert sorted(await errors(document)) == [
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


async def test_the_number_of_reported_errors_is_limited(errors: Errors) -> None:
    lines = await errors(EMPTY | {"ships": [{}] * 10_000})
    assert lines[0] == "/ships/0/id: Missing or not a positive integer."
    assert len(lines) < 30


async def test_an_error_never_contains_a_password(errors: Errors) -> None:
    lines = await errors(
        EMPTY | {"users": [{"id": 1, "name": "u", "password": "canary"}, {**USER, "password": ["canary"]}]}
    )
    assert "canary" not in "".join(lines)


async def test_one_error_and_no_record_is_stored(path: Path) -> None:
    path.write_bytes(orjson.dumps(EMPTY | {"users": [USER], "ships": [{"id": 1, **SHIP}, {"id": 2}]}))
    app = create_app(settings_for_tests(data=str(path)))
    runner = Runner(app)
    with pytest.raises(StartupError):
        await runner.setup()
    await runner.cleanup()
    assert await app[STORE].is_new()
    assert await app[STORE].get(USERS, 1) is None


async def test_a_durable_store_is_filled_after_an_error_in_the_file_was_corrected(
    make_client: MakeClient, path: Path, tmp_path: Path
) -> None:
    settings = {"data": str(path), "store": f"sqlite:///{tmp_path}/shipyard.db"}
    path.write_bytes(orjson.dumps(EMPTY | {"ships": [{"id": 1, **SHIP}, {"id": 2}]}))
    await startup_error(settings_for_tests(**settings))
    path.write_bytes(orjson.dumps(EMPTY | {"ships": [{"id": 2, **SHIP}]}))
    client = await make_client(**settings)
    assert await (await client.get("/api/ships")).json() == [{"id": 2, **SHIP}]


async def test_a_store_that_was_written_to_is_not_filled_again(make_client: MakeClient, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/shipyard.db"
    client = await make_client(store=store)
    headers = bearer(client)
    for id in range(1, 16):
        assert (await client.delete(f"/api/ships/{id}", headers=headers)).status == 204
    await client.close()
    client = await make_client(store=store, data="no such file")
    assert await (await client.get("/api/ships")).json() == []
    response = await client.post("/api/ships", json=SHIP, headers=bearer(client))
    assert (await response.json())["id"] == 16


async def test_a_collection_that_no_plugin_declares_is_skipped_with_a_warning(
    make_client: MakeClient, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(orjson.dumps(EMPTY | {"comets": [{"name": 1}]}))
    await make_client(data=str(path))
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage() == f"{path}: /comets: skipped, because no enabled plugin declares this collection."


async def test_the_collection_of_a_plugin_is_optional(install: Install, make_client: MakeClient, path: Path) -> None:
    install("planets", PLANETS)
    path.write_bytes(orjson.dumps(EMPTY))
    client = await make_client(data=str(path))
    assert await (await client.get("/api/planets")).json() == []


async def test_the_records_of_a_plugin_are_validated_by_its_schema(install: Install, errors: Errors) -> None:
    install("planets", PLANETS)
    planets = [{"id": 1, "name": "Hoth", "climate": "frozen"}, {"id": 2, "name": "HOTH", "climate": 5}]
    assert await errors(EMPTY | {"planets": planets}) == ["/planets/1/climate: Not a valid string."]
    planets[1]["climate"] = "mild"
    assert await errors(EMPTY | {"planets": planets}) == ["/planets/1/name: Duplicate value: 'HOTH'."]


BARE = "from service import Collection\nroutes = []\ncollections = [Collection('moons', unique='name')]\n"


async def test_records_without_a_resource_have_ids_and_unique_names_too(install: Install, errors: Errors) -> None:
    install("moons", BARE)
    moons: list[dict[str, Any]] = [{"id": 1, "name": "Endor"}, {"name": "Yavin"}, {"id": 3}, {"id": 4, "name": 5}]
    assert await errors(EMPTY | {"moons": moons}) == [
        "/moons/1/id: Missing or not a positive integer.",
        "/moons/2/name: Missing or not a string.",
        "/moons/3/name: Missing or not a string.",
    ]
    moons = [*moons[:1], {"id": 2, "name": "ENDOR"}]
    assert await errors(EMPTY | {"moons": moons}) == ["/moons/1/name: Duplicate value: 'ENDOR'."]


async def test_users_are_not_loaded_without_the_plugin_that_hashes_their_passwords(
    make_client: MakeClient, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(orjson.dumps({"users": [USER], "ships": []}))
    client = await make_client(data=str(path), plugins={"enabled": ["ships"]})
    assert (await client.app[STORE].find(USERS, Query())).total == 0
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage() == f"{path}: /users: skipped, because no enabled plugin declares this collection."


async def test_a_plugin_that_declares_the_built_in_users_without_a_resource_gets_hashed_passwords_only(
    install: Install, make_client: MakeClient, path: Path, data_file: Path
) -> None:
    install("people", "from service import USERS\nroutes = []\ncollections = [USERS]\n")
    plugins = {"enabled": ["people"]}
    for password in ("password", None, 5, "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$x"):
        path.write_bytes(orjson.dumps({"users": [{**USER, "password": password}]}))
        assert await startup_error(settings_for_tests(data=str(path), plugins=plugins)) == (
            f"{path}: /users/0/password: Not an Argon2id hash; no enabled plugin hashes passwords."
        )
    client = await make_client(data=str(data_file), plugins=plugins)
    assert (await client.app[STORE].find(USERS, Query())).total == 2
