"""Every route with every kind of credentials. Every route must have a row, so that none is public by mistake."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from service.app import create_app
from service.auth.app_keys import TOKENS
from service.auth.permissions import rule_of
from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests
from tests.support.planets import PLANETS
from tests.support.requests import Client, bearer

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]


class Row(NamedTuple):
    """The access rule of a route, and the status of an authorized request with an empty JSON object as its body."""

    rule: str
    status: int
    path: str = ""


ROWS = {
    "GET /api/ships": Row("public", 200),
    "GET /api/ships/{id}": Row("public", 200, "/api/ships/1"),
    "GET /api/users": Row("public", 200),
    "GET /api/users/{id}": Row("public", 200, "/api/users/1"),
    "POST /api/users": Row("public", 400),
    "POST /auth/login": Row("public", 400),
    "GET /api/docs": Row("public", 200),
    "GET /api/docs/openapi.json": Row("public", 200),
    "GET /api/docs/{file}": Row("public", 200, "/api/docs/init.js"),
    "GET /health/live": Row("probe", 200),
    "GET /health/ready": Row("probe", 200),
    "GET /metrics": Row("probe", 200),
    "POST /api/ships": Row("user", 400),
    "PUT /api/ships/{id}": Row("user", 400, "/api/ships/1"),
    "PATCH /api/ships/{id}": Row("user", 200, "/api/ships/1"),
    "DELETE /api/ships/{id}": Row("user", 204, "/api/ships/1"),
    "POST /auth/refresh": Row("refresh", 200),
    "DELETE /auth/logout": Row("user", 200),
    "DELETE /auth/logout2": Row("refresh", 200),
    "PUT /api/users/{id}": Row("owner", 400, "/api/users/1"),
    "PATCH /api/users/{id}": Row("owner", 200, "/api/users/1"),
    "DELETE /api/users/{id}": Row("owner", 204, "/api/users/1"),
}


def routes_of(app: web.Application) -> Iterator[tuple[str, web.AbstractRoute]]:
    for route in app.router.routes():
        assert route.resource is not None
        yield f"{route.method} {route.resource.canonical}", route


def without_row(app: web.Application) -> set[str]:
    return {name for name, _ in routes_of(app) if not name.startswith("HEAD ")} - ROWS.keys()


def test_every_route_has_a_row_and_every_row_has_a_route() -> None:
    app = create_app(settings_for_tests())
    assert without_row(app) == set()
    assert ROWS.keys() <= {name for name, _ in routes_of(app)}


def test_the_access_rules_of_the_routes_are_those_of_the_rows() -> None:
    for name, route in routes_of(create_app(settings_for_tests())):
        rule = rule_of(route.handler)
        assert rule is not None
        assert rule.name == ROWS[name.replace("HEAD ", "GET ")].rule, name


def test_a_route_that_a_plugin_adds_is_reported_as_missing_a_row(install: Install) -> None:
    install("planets", PLANETS)
    routes = {"GET /api/planets", "POST /api/planets"}
    routes |= {f"{method} /api/planets/{{id}}" for method in ("GET", "PUT", "PATCH", "DELETE")}
    assert without_row(create_app(settings_for_tests())) == routes


Headers = dict[str, str]
Credentials = Callable[[Client, str], Awaitable[Headers]]


async def no_credentials(client: Client, type: str) -> Headers:
    return {}


async def another_scheme(client: Client, type: str) -> Headers:
    return {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}


async def forged(client: Client, type: str) -> Headers:
    return {"Authorization": bearer(client, type=type)["Authorization"][:-1]}


async def expired(client: Client, type: str) -> Headers:
    past = Tokens(settings_for_tests().jwt, SECRET, clock=lambda: time.time() - 31 * 86_400)
    return {"Authorization": f"Bearer {getattr(past.pair(1), type)}"}


async def revoked(client: Client, type: str) -> Headers:
    headers = bearer(client, type=type)
    response = await client.delete("/auth/logout" if type == "access" else "/auth/logout2", headers=headers)
    assert response.status == 200
    return headers


async def of_the_wrong_type(client: Client, type: str) -> Headers:
    return bearer(client, type="access" if type == "refresh" else "refresh")


async def of_an_unknown_user(client: Client, type: str) -> Headers:
    return bearer(client, 99, type=type)


async def of_a_removed_user(client: Client, type: str) -> Headers:
    await client.delete("/api/users/2", headers=bearer(client, 2))
    return bearer(client, 2, type=type)


async def of_another_user(client: Client, type: str) -> Headers:
    return bearer(client, 2, type=type)


async def good(client: Client, type: str) -> Headers:
    return bearer(client, type=type)


REJECTED: dict[Credentials, tuple[int, str]] = {
    no_credentials: (401, "Missing Authorization Header"),
    another_scheme: (401, "Unsupported Authorization Scheme"),
    forged: (401, "Token is invalid"),
    expired: (401, "Token has expired"),
    revoked: (401, "Token has been revoked"),
    of_the_wrong_type: (422, "Only {} tokens are allowed"),
    of_an_unknown_user: (401, "Unauthorized"),
    of_a_removed_user: (401, "Unauthorized"),
}


async def responses(client: Client, credentials: Credentials, rules: set[str]) -> dict[str, tuple[int, str | None]]:
    """Return status and error of the response of each route with one of these rules, to a request with credentials."""
    found = {}
    for route, row in ROWS.items():
        if row.rule in rules:
            method, path = route.split(" ")
            headers = await credentials(client, "refresh" if row.rule == "refresh" else "access")
            response = await client.request(method, row.path or path, json={}, headers=headers)
            error = (await response.json())["error"] if response.status >= 400 else None
            found[route] = (response.status, error)
    return found


async def test_requests_with_bad_credentials_are_rejected_and_change_nothing(client: Client) -> None:
    for credentials, (status, error) in REJECTED.items():
        if credentials is of_a_removed_user:
            await credentials(client, "access")
        before = [await (await client.get(path)).read() for path in ("/api/users", "/api/ships")]
        for route, response in (await responses(client, credentials, {"user", "owner", "refresh"})).items():
            required = "refresh" if ROWS[route].rule == "refresh" else "access"
            assert response == (status, error.format(required)), (credentials.__name__, route)
        assert [await (await client.get(path)).read() for path in ("/api/users", "/api/ships")] == before


async def test_public_routes_accept_requests_with_any_credentials(make_client: MakeClient) -> None:
    client = await make_client(docs=True)
    for credentials in (*REJECTED, of_another_user, good):
        for route, (status, _) in (await responses(client, credentials, {"public", "probe"})).items():
            assert status == ROWS[route].status, (credentials.__name__, route)


async def test_another_user_gets_403_on_owner_routes_only(client: Client) -> None:
    for route, response in (await responses(client, of_another_user, {"user", "owner", "refresh"})).items():
        if ROWS[route].rule == "owner":
            assert response == (403, "Forbidden"), route
        else:
            assert response[0] == ROWS[route].status, route
    assert (await client.get("/api/users/1")).status == 200


async def test_the_right_credentials_are_accepted_on_every_route(client: Client) -> None:
    for route, (status, _) in (await responses(client, good, {"user", "owner", "refresh"})).items():
        assert status == ROWS[route].status, route


async def test_a_removed_user_gets_404_on_the_own_record_and_401_elsewhere(client: Client) -> None:
    headers = await of_a_removed_user(client, "access")
    for method in ("PUT", "PATCH", "DELETE"):
        assert (
            await client.request(method, "/api/users/2", json={"name": "x2", "password": "secret"}, headers=headers)
        ).status == 404
        assert (await client.request(method, "/api/users/1", json={}, headers=headers)).status == 401
    assert (await client.post("/auth/refresh", headers=bearer(client, 2, type="refresh"))).status == 401
    assert client.app[TOKENS].read(headers["Authorization"].removeprefix("Bearer ")).user == 2
