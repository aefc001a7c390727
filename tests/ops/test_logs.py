"""The logs: one line for each request, the cause of each 500, and no secrets."""

from __future__ import annotations

import logging
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.auth.app_keys import TOKENS
from service.auth.users import USERS
from service.http.app_keys import STORE
from service.testing import SECRET
from tests.support.program import Program
from tests.support.raw_http import ask, request
from tests.support.requests import SHIP, Client, bearer, error_body

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]
Serve = Callable[..., Awaitable[int]]

LINE = re.compile(r"""127\.0\.0\.1 (\w+) ['"](.*)['"] (\d{3}) \d+\.\dms id=([\w.-]{1,64}) agent=['"](.{0,200})""")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """A function that returns the lines of the access log so far."""
    caplog.set_level(logging.INFO, "shipyard.access")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "shipyard.access"]


async def test_each_request_is_one_line_with_the_request_id_of_its_response(
    make_client: MakeClient, lines: Callable[[], list[str]]
) -> None:
    client = await make_client(access_log=True)
    responses = [
        await client.get("/api/ships/1"),
        await client.post("/api/ships", json=SHIP),
        await client.get("/nowhere"),
        await client.head("/api/ships"),
        await client.delete("/auth/logout", headers={"X-Request-ID": "from.the_proxy-1", "User-Agent": "curl/8"}),
    ]
    matches = [LINE.fullmatch(line) for line in lines()]
    assert all(matches)
    found = [match.groups() for match in matches if match]
    assert [(method, path, status) for method, path, status, _, _ in found] == [
        ("GET", "/api/ships/1", "200"),
        ("POST", "/api/ships", "401"),
        ("GET", "/nowhere", "404"),
        ("HEAD", "/api/ships", "200"),
        ("DELETE", "/auth/logout", "401"),
    ]
    assert [id for _, _, _, id, _ in found] == [response.headers["X-Request-ID"] for response in responses]
    assert (found[-1][3], found[-1][4]) == ("from.the_proxy-1", "curl/8'")


async def test_the_access_log_can_be_switched_off(make_client: MakeClient, lines: Callable[[], list[str]]) -> None:
    client = await make_client(access_log=False)
    await client.get("/api/ships/1")
    assert lines() == []


UNUSUAL = [
    "\xff",
    "\x1b[31mred",
    "%0d%0aInjected: 1",
    "é🚀",
    "\x7f",
    "'; --",
    "\t",
    "x" * 8000,
    "\u2028",
    "a\\nb",
    "%s %d %(x)s",
]


@pytest.mark.parametrize("name", ["User-Agent", "Referer", "X-Request-ID", "X-Forwarded-For"])
async def test_a_line_of_the_access_log_stays_one_line_for_any_header_value(
    serve: Serve, lines: Callable[[], list[str]], name: str
) -> None:
    port = await serve(access_log=True)
    for text in UNUSUAL:
        encoded = b"\xff" if text == "\xff" else text.encode()
        sent = request("GET /api/ships/1").replace(b"\r\n\r\n", b"\r\n" + name.encode() + b": " + encoded + b"\r\n\r\n")
        assert (await ask(port, sent)).status in (200, 400), text
    assert len(lines()) >= len(UNUSUAL) - 2  # the parser rejects control characters
    for line in lines():
        assert line.isascii()
        assert line.isprintable()
        assert len(line) < 2000
        assert LINE.fullmatch(line), line


async def test_a_line_of_the_access_log_stays_one_line_for_any_path(
    serve: Serve, lines: Callable[[], list[str]]
) -> None:
    port = await serve(access_log=True)
    for path in ("/%0d%0aInjected", "/%1b[31m", "/é", "/%00", "/'x'", "/%s", "/" + "x" * 5000):
        assert (await ask(port, request(f"GET {path}"))).status in (400, 404), path
    assert all(line.isascii() and line.isprintable() and LINE.fullmatch(line) for line in lines())


GOOD_IDS = ["a", "0", "A-b_c.9", "x" * 64]
BAD_IDS = ["", "x" * 65, "a b", "a,b", "é", "a\tb", "<b>", "a;b", '"a"', "a/b", "%41", "x" * 8000]


async def test_a_valid_request_id_is_used_and_an_invalid_one_is_replaced(make_client: MakeClient) -> None:
    client = await make_client()
    for id in GOOD_IDS:
        response = await client.get("/nowhere", headers={"X-Request-ID": id})
        assert (response.headers["X-Request-ID"], (await response.json())["request_id"]) == (id, id)
    new_ids = set()
    for id in BAD_IDS:
        response = await client.get("/nowhere", headers={"X-Request-ID": id})
        new_ids.add(response.headers["X-Request-ID"])
        assert (await response.json())["request_id"] == response.headers["X-Request-ID"]
    assert len(new_ids) == len(BAD_IDS)
    assert all(re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", id) for id in new_ids)


PASSWORD, OTHER = "canary-password-1", "canary-password-2"


async def test_no_secret_appears_in_logs_responses_or_metrics(
    make_client: MakeClient, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = await make_client(store=store_url, access_log=True)
    responses: list[str] = []

    async def send(method: str, path: str, document: object = None, headers: dict[str, str] | None = None) -> None:
        response = await client.request(method, path, json=document, headers=headers)
        responses.append(f"{response.headers} {await response.text()}")

    new = {"name": "canary", "password": PASSWORD}
    await send("POST", "/api/users", new)
    user = bearer(client, 3)
    for wrong in (new, {**new, "name": "x"}, {**new, "password": [PASSWORD]}, {**new, PASSWORD[:4]: 1}, [PASSWORD]):
        await send("POST", "/api/users", wrong)
    for body in ({**new, "password": OTHER}, {**new, "password": 1}, {**new, "name": "guest"}, {**new, "id": 9}):
        for method in ("PUT", "PATCH"):
            await send(method, "/api/users/3", body, user)
    for login in ({"username": "canary", "password": PASSWORD}, {"username": "canary", "password": [PASSWORD]}):
        await send("POST", "/auth/login", login)
    await send("POST", "/api/ships", {**SHIP, "crew": 0}, user)
    for path in (
        "/api/users",
        "/api/users/3",
        "/api/users?q=canary",
        "/api/users?_sort=password",
        "/api/docs/openapi.json",
    ):
        await send("GET", path, headers=user)
    for headers in (user, {"Authorization": user["Authorization"] + "x"}, {"Authorization": f"Basic {PASSWORD}"}):
        await send("DELETE", "/auth/logout", headers=headers)
    await send("GET", "/metrics")

    token = user["Authorization"].removeprefix("Bearer ")
    claims = client.app[TOKENS].read(token)
    hashes = [str(write_only["password"]) async for _, write_only in client.app[STORE].scan(USERS)]
    # The server of the test client writes the access log of aiohttp; the server of the service does not.
    logged = [repr(record.__dict__) for record in caplog.records if record.name != "aiohttp.access"]
    everything = "\n".join([*responses, *logged])
    assert len(logged) >= len(responses)
    for secret in (PASSWORD, OTHER, SECRET, token, token.rpartition(".")[2], claims.jti, claims.sid, *hashes):
        assert secret not in everything


async def test_queries_are_not_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = await serve(access_log=True)
    assert (await ask(port, request(f"GET /api/ships?access_token={PASSWORD}"))).status == 400
    assert (await ask(port, request(f"POST /auth/login?password={PASSWORD}"))).status == 415
    assert PASSWORD not in caplog.text


BOOM = """
from aiohttp import web
from service import SETTINGS, public

@public
async def boom(request):
    raise RuntimeError(f"canary: {request.app[SETTINGS].jwt.secret}")

routes = [web.get("/boom", boom)]
"""


async def test_a_500_has_no_details_and_its_cause_is_logged_with_the_request_id(
    install: Install, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    install("boom", BOOM)
    client = await make_client()
    response = await client.get("/boom?canary=1")
    expected = {
        "error": "Internal Server Error",
        "message": "The cause is in the log of the service, under this request_id.",
        "code": "internal_server_error",
    }
    assert (response.status, await error_body(response)) == (500, expected)
    assert "canary" not in f"{response.headers}"
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith(f"id={response.headers['X-Request-ID']} GET '/boom")
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


async def test_secrets_of_the_settings_are_redacted_in_the_log(
    install: Install, data_file: Path, tmp_path: Path
) -> None:
    install("boom", BOOM)
    settings = {"SHIPYARD_DATA": str(data_file), "PYTHONPATH": str(tmp_path / "site" / "boom")}
    with Program(**settings) as program:
        assert (await ask(program.port(), request("GET /boom"))).status == 500
        assert program.stop(signal.SIGTERM) == 0
    assert "RuntimeError: canary: " in program.log
    assert SECRET not in program.log
