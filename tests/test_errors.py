"""The catalogue of errors: clients get every entry exactly as it is documented, and no other errors."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from service import errors
from service.openapi.components import REQUEST_ID
from service.settings.schema import ROOT
from tests.support.error_requests import Environment
from tests.support.error_scenarios import SCENARIOS
from tests.support.openapi_document import Json, operations
from tests.support.requests import Client

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]

CATALOGUE = errors.catalogue()
HEADERS = {name for entry in CATALOGUE.values() for name in entry.headers}


@pytest.fixture
def environment(
    make_client: MakeClient,
    serve: Callable[..., Awaitable[int]],
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Environment:
    return Environment(make_client, serve, install, monkeypatch, tmp_path, request)


def test_every_entry_has_a_scenario_and_every_scenario_an_entry() -> None:
    assert SCENARIOS.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_client_gets_the_error_as_it_is_documented(environment: Environment, name: str) -> None:
    response = await SCENARIOS[name](environment)
    error = CATALOGUE[name].example()
    assert response.status == error.status
    assert orjson.loads(response.body) == orjson.loads(error.body(response.headers["X-Request-ID"]))
    headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
    # An entity tag depends on the revision of the record.
    assert headers.pop("ETag", "").startswith('"') == (error.headers.pop("ETag", None) is not None)
    assert headers == error.headers


async def test_every_error_of_the_api_description_is_in_the_catalogue(make_client: MakeClient) -> None:
    client = await make_client(docs=True)
    document: Json = await (await client.get("/api/docs/openapi.json")).json()
    known = [orjson.loads(entry.example().body(REQUEST_ID)) for entry in CATALOGUE.values()]
    described = [(where, example) for where, operation in operations(document) for example in examples(operation)]
    assert len(described) > 100
    assert [(where, example) for where, example in described if example not in known] == []
    assert all(example in known for example in document["components"]["schemas"]["Error"]["examples"])


def examples(operation: Json) -> Iterator[Json]:
    """Return the examples of the error responses of an operation."""
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            values = [example["value"] for example in response["content"]["application/json"]["examples"].values()]
            assert values, status
            yield from values


CONSTRUCTORS = {
    "ErrorType": {"service/errors.py"},
    "HTTPError": {
        "service/errors.py",
        "service/http/error_handlers.py",  # statuses of aiohttp's exceptions
        "service/http/server.py",  # statuses of aiohttp's HTTP parser
        "service/openapi/operation.py",  # describes responses that a plugin states with a status and a description
    },
}
"""The modules that may call these classes; all other modules call an entry of the catalogue."""


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_errors_are_made_from_the_catalogue(name: str) -> None:
    modules = [path for folder in ("service", "plugins") for path in (ROOT / folder).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in modules if calls(path, name)}
    assert found == CONSTRUCTORS[name]


def calls(path: Path, name: str) -> bool:
    """Return whether a module calls a class of this name."""
    nodes = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    return any(name in (getattr(node, "id", None), getattr(node, "attr", None)) for node in nodes)
