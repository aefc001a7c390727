"""The errors of the catalogue that a client gets with a single request, and that request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from aiohttp import ClientResponse
from multidict import CIMultiDict, CIMultiDictProxy

from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests
from tests.support.raw_http import ask, request
from tests.support.requests import SHIP, Client, bearer

if TYPE_CHECKING:
    from tests.support.distributions import Install

JSON = "Content-Type: application/json"
NONE: Mapping[str, Any] = {}
TOKEN = f"Authorization: Bearer {Tokens(settings_for_tests().jwt, SECRET).pair(1).access}"


class Received(NamedTuple):
    """A response as the client received it."""

    status: int
    headers: CIMultiDict[str] | CIMultiDictProxy[str]
    body: bytes


class Environment(NamedTuple):
    """The fixtures that scenarios start services with."""

    make_client: Callable[..., Awaitable[Client]]
    serve: Callable[..., Awaitable[int]]
    install: Install
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    fixtures: pytest.FixtureRequest

    @property
    def sqlite_file(self) -> Path:
        return self.folder / "shipyard.db"

    @property
    def postgres_url(self) -> str:
        return str(self.fixtures.getfixturevalue("postgres_url"))


Scenario = Callable[[Environment], Awaitable[Received]]


async def received(response: ClientResponse) -> Received:
    return Received(response.status, response.headers, await response.read())


def one_request(
    method: str,
    path: str,
    *,
    token: str | None = "access",
    headers: Mapping[str, str] = NONE,
    settings: Mapping[str, Any] = NONE,
    **options: Any,
) -> Scenario:
    """Return a scenario of one request to a new service in memory, with a token of user 1."""

    async def send(environment: Environment) -> Received:
        client = await environment.make_client(**settings)
        authorization = bearer(client, type=token) if token else {}
        return await received(await client.request(method, path, headers={**authorization, **headers}, **options))

    return send


def raw_request(sent: bytes) -> Scenario:
    """Return a scenario that sends these bytes to a new service."""

    async def send(environment: Environment) -> Received:
        return Received(*await ask(await environment.serve(), sent))

    return send


PLAIN_TEXT: Any = {"data": b"{}", "headers": {"Content-Type": "text/plain"}}
COMPRESSED: Any = {"json": {}, "headers": {"Content-Encoding": "gzip"}, "compress": None}
BROKEN: Any = {"data": b"{", "headers": {"Content-Type": "application/json"}}
LOGIN = ("POST", "/auth/login")
DUPLICATE_USER = {"name": "guest", "password": "more secret"}

SINGLE_REQUESTS: dict[str, Scenario] = {
    "MALFORMED_REQUEST": raw_request(b"GET\r\n\r\n"),
    "MALFORMED_HOST": raw_request(request("GET /api/ships", host="local host")),
    "INVALID_JSON": one_request("POST", "/api/ships", **BROKEN),
    "NOT_AN_OBJECT": one_request("POST", "/api/ships", json=[]),
    "VALIDATION_FAILED": one_request("POST", "/api/ships", json={**SHIP, "colour": "red"}),
    "CREDENTIALS_MISSING": one_request(*LOGIN, token=None, json={"username": "user"}),
    "ID_MISMATCH": one_request("PUT", "/api/ships/1", json={**SHIP, "id": 2}),
    "INVALID_PARAMETERS": one_request("GET", "/api/ships?colour=red"),
    "INVALID_IDEMPOTENCY_KEY": one_request("POST", "/api/ships", json=SHIP, headers={"Idempotency-Key": "a b"}),
    "DUPLICATE_AUTHORIZATION": raw_request(request("DELETE /auth/logout", TOKEN, TOKEN)),
    "ALREADY_EXISTS": one_request("POST", "/api/users", token=None, json=DUPLICATE_USER),
    "CREDENTIALS_INVALID": one_request(*LOGIN, token=None, json={"username": "user", "password": "wrong"}),
    "TOKEN_MISSING": one_request("DELETE", "/auth/logout", token=None),
    "UNSUPPORTED_SCHEME": one_request("DELETE", "/auth/logout", headers={"Authorization": "Basic dTpw"}),
    "TOKEN_INVALID": one_request("DELETE", "/auth/logout", headers={"Authorization": "Bearer a.b.c"}),
    "NOT_OWNER": one_request("DELETE", "/api/users/2"),
    "ROUTE_NOT_FOUND": one_request("GET", "/nowhere"),
    "RECORD_NOT_FOUND": one_request("GET", "/api/ships/99"),
    "METHOD_NOT_ALLOWED": one_request("POST", "/health/live"),
    "RECORD_CHANGED": one_request("DELETE", "/api/ships/1", headers={"If-Match": '"0"'}),
    "BODY_TOO_LARGE": raw_request(request("POST /api/ships", TOKEN, JSON, body=b" " * 65_537)),
    "UNSUPPORTED_MEDIA_TYPE": one_request("POST", "/api/ships", **PLAIN_TEXT),
    "COMPRESSED_BODY": one_request("POST", "/api/ships", **COMPRESSED),
    "EXPECTATION_FAILED": raw_request(request("POST /api/ships", TOKEN, JSON, "Expect: 200-ok", body=b"{}")),
    "ACCESS_TOKEN_REQUIRED": one_request("DELETE", "/auth/logout", token="refresh"),
    "REFRESH_TOKEN_REQUIRED": one_request("POST", "/auth/refresh"),
    "IF_MATCH_REQUIRED": one_request("DELETE", "/api/ships/1", settings={"require_if_match": True}),
}
"""By the name of the catalogue's entry."""
