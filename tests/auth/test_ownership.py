"""Every route against every kind of credentials. A route without a row here fails: nothing is open by mistake."""

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
    """Who may use a route, and what those who may are answered to an empty JSON object."""

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


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    app = create_app(settings_for_tests())
    assert without_row(app) == set()
    assert ROWS.keys() <= {name for name, _ in routes_of(app)}


def test_the_rows_say_what_the_routes_say() -> None:
    for name, route in routes_of(create_app(settings_for_tests())):
        rule = rule_of(route.handler)
        assert rule is not None
        assert rule.name == ROWS[name.replace("HEAD ", "GET ")].rule, name


def test_a_route_that_a_plugin_adds_would_be_missed_here(install: Install) -> None:
    install("planets", PLANETS)
    ways = {"GET /api/planets", "POST /api/planets"}
    ways |= {f"{method} /api/planets/{{id}}" for method in ("GET", "PUT", "PATCH", "DELETE")}
    assert without_row(create_app(settings_for_tests())) == ways


Headers = dict[str, str]
Mint = Callable[[Client, str], Awaitable[Headers]]


async def none(client: Client, type: str) -> Headers:
    return {}


async def another_scheme(client: Client, type: str) -> Headers:
    return {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}


async def made_up(client: Client, type: str) -> Headers:
    return {"Authorization": bearer(client, type=type)["Authorization"][:-1]}


async def expired(client: Client, type: str) -> Headers:
    past = Tokens(settings_for_tests().jwt, SECRET, clock=lambda: time.time() - 31 * 86_400)
    return {"Authorization": f"Bearer {getattr(past.pair(1), type)}"}


async def revoked(client: Client, type: str) -> Headers:
    headers = bearer(client, type=type)
    answer = await client.delete("/auth/logout" if type == "access" else "/auth/logout2", headers=headers)
    assert answer.status == 200
    return headers


async def of_the_wrong_kind(client: Client, type: str) -> Headers:
    return bearer(client, type="access" if type == "refresh" else "refresh")


async def of_nobody(client: Client, type: str) -> Headers:
    return bearer(client, 99, type=type)


async def of_one_who_is_gone(client: Client, type: str) -> Headers:
    await client.delete("/api/users/2", headers=bearer(client, 2))
    return bearer(client, 2, type=type)


async def of_another(client: Client, type: str) -> Headers:
    return bearer(client, 2, type=type)


async def good(client: Client, type: str) -> Headers:
    return bearer(client, type=type)


REFUSED: dict[Mint, tuple[int, str]] = {
    none: (401, "Missing Authorization Header"),
    another_scheme: (401, "Unsupported Authorization Scheme"),
    made_up: (401, "Token is invalid"),
    expired: (401, "Token has expired"),
    revoked: (401, "Token has been revoked"),
    of_the_wrong_kind: (422, "Only {} tokens are allowed"),
    of_nobody: (401, "Unauthorized"),
    of_one_who_is_gone: (401, "Unauthorized"),
}


async def answers(client: Client, mint: Mint, rules: set[str]) -> dict[str, tuple[int, str | None]]:
    """The status and the error of each route with one of these rules, asked with these credentials."""
    found = {}
    for route, row in ROWS.items():
        if row.rule in rules:
            method, path = route.split(" ")
            headers = await mint(client, "refresh" if row.rule == "refresh" else "access")
            answer = await client.request(method, row.path or path, json={}, headers=headers)
            error = (await answer.json())["error"] if answer.status >= 400 else None
            found[route] = (answer.status, error)
    return found


async def test_bad_credentials_open_nothing_and_change_nothing(client: Client) -> None:
    for mint, (status, error) in REFUSED.items():
        if mint is of_one_who_is_gone:
            await mint(client, "access")
        before = [await (await client.get(path)).read() for path in ("/api/users", "/api/ships")]
        for route, answer in (await answers(client, mint, {"user", "owner", "refresh"})).items():
            wanted = "refresh" if ROWS[route].rule == "refresh" else "access"
            assert answer == (status, error.format(wanted)), (mint.__name__, route)
        assert [await (await client.get(path)).read() for path in ("/api/users", "/api/ships")] == before


async def test_open_routes_are_open_to_all_whatever_they_bring(make_client: MakeClient) -> None:
    client = await make_client(docs=True)
    for mint in (*REFUSED, of_another, good):
        for route, (status, _) in (await answers(client, mint, {"public", "probe"})).items():
            assert status == ROWS[route].status, (mint.__name__, route)


async def test_another_user_may_do_what_users_may_and_nothing_to_me(client: Client) -> None:
    for route, answer in (await answers(client, of_another, {"user", "owner", "refresh"})).items():
        if ROWS[route].rule == "owner":
            assert answer == (403, "Forbidden"), route
        else:
            assert answer[0] == ROWS[route].status, route
    assert (await client.get("/api/users/1")).status == 200


async def test_the_right_credentials_open_every_route(client: Client) -> None:
    for route, (status, _) in (await answers(client, good, {"user", "owner", "refresh"})).items():
        assert status == ROWS[route].status, route


async def test_who_is_gone_is_404_to_oneself_and_nobody_to_all_others(client: Client) -> None:
    mine = await of_one_who_is_gone(client, "access")
    for method in ("PUT", "PATCH", "DELETE"):
        assert (
            await client.request(method, "/api/users/2", json={"name": "x2", "password": "secret"}, headers=mine)
        ).status == 404
        assert (await client.request(method, "/api/users/1", json={}, headers=mine)).status == 401
    assert (await client.post("/auth/refresh", headers=bearer(client, 2, type="refresh"))).status == 401
    assert client.app[TOKENS].read(mine["Authorization"].removeprefix("Bearer ")).user == 2
