"""A connection and its requests: order, ends, upgrades, clients that leave; what every answer says about itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import orjson
import pytest

from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests
from tests.support.raw_http import ask, connected, request
from tests.support.requests import SHIP

Serve = Callable[..., Awaitable[int]]

TOKEN = f"Authorization: Bearer {Tokens(settings_for_tests().jwt, SECRET).pair(1).access}"
JSON = "Content-Type: application/json"
BODY = orjson.dumps(SHIP)

METHODS = {
    "/api/ships": "GET, HEAD, OPTIONS, POST",
    "/api/ships/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/api/ships/99": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/api/users": "GET, HEAD, OPTIONS, POST",
    "/api/users/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/auth/login": "OPTIONS, POST",
    "/auth/refresh": "OPTIONS, POST",
    "/auth/logout": "DELETE, OPTIONS",
    "/auth/logout2": "DELETE, OPTIONS",
    "/health/live": "GET, HEAD, OPTIONS",
}


async def test_head_is_get_without_the_body(serve: Serve) -> None:
    port = await serve()
    varying = {"X-Request-ID", "Date"}
    for path in ("/api/ships", "/api/ships/1", "/api/ships?_limit=2&_sort=-crew", "/api/users/2", "/health/live"):
        get = await ask(port, request(f"GET {path}"))
        head = await ask(port, request(f"HEAD {path}"), body=False)
        assert (get.status, head.status) == (200, 200)
        assert head.headers.keys() == get.headers.keys()
        assert {name for name in get.headers if get.headers[name] != head.headers[name]} <= varying, path
    async with connected(port) as wire:
        wire.send(request("HEAD /api/ships/99") + request("HEAD /nowhere") + request("GET /api/ships/1"))
        for path in ("a ship", "a path"):
            answer = await wire.answer(body=False)
            assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json"), path
            assert int(answer.headers["Content-Length"]) > 0
        assert (await wire.answer()).json["id"] == 1


async def test_every_path_says_which_methods_it_has(serve: Serve) -> None:
    port = await serve()
    for path, methods in METHODS.items():
        answer = await ask(port, request(f"OPTIONS {path}"))
        assert (answer.status, answer.headers["Allow"], answer.body) == (204, methods, b""), path
        for method in {"TRACE", "PROPFIND", "QUERY", "GET", "PUT", "POST", "DELETE", "PATCH"} - {*methods.split(", ")}:
            answer = await ask(port, request(f"{method} {path}", TOKEN))
            assert (answer.status, answer.headers["Allow"]) == (405, methods), (method, path)
            assert (answer.json["error"], answer.json["code"]) == ("Method Not Allowed", "method_not_allowed")


async def test_methods_that_are_none_of_http_are_refused(serve: Serve) -> None:
    port = await serve()
    for line in ("FOO /api/ships", "get /api/ships", "CONNECT localhost:80", "CONNECT /api/ships", "OPTIONS *"):
        assert (await ask(port, request(line))).status in (400, 404, 405), line


async def test_pipelined_requests_are_answered_in_their_order(serve: Serve) -> None:
    port = await serve()
    for number in (3, 500):
        async with connected(port) as wire:
            wire.send(b"".join(request(f"GET /api/ships/{index % 15 + 1}") for index in range(number)))
            ids = [(await wire.answer()).json["id"] for _ in range(number)]
        assert ids == [index % 15 + 1 for index in range(number)]


async def test_http_1_0_is_answered_and_closed(serve: Serve) -> None:
    port = await serve()
    for host in (b"", b"Host: localhost\r\n"):
        async with connected(port) as wire:
            wire.send(b"GET /api/ships/1 HTTP/1.0\r\n" + host + b"\r\n")
            assert (await wire.answer()).json["id"] == 1
            assert await wire.ended()


async def test_a_client_that_says_close_is_closed(serve: Serve) -> None:
    port = await serve()
    async with connected(port) as wire:
        wire.send(request("GET /api/ships/1") + request("GET /api/ships/2", "Connection: close"))
        assert [(await wire.answer()).status for _ in "12"] == [200, 200]
        assert await wire.ended()


@pytest.mark.parametrize("body", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_a_body_that_nobody_reads_does_not_become_the_next_request(serve: Serve, body: str) -> None:
    port = await serve()
    sent = b"GET / HTT" if body.startswith("C") else b"9\r\nGET / HTT\r\n0\r\n\r\n"
    async with connected(port) as wire:
        for line, status in (("GET /api/ships/1", 200), ("DELETE /api/ships/2", 204), ("POST /nowhere", 404)):
            wire.send(request(line, TOKEN, body) + sent + request("GET /api/ships/3"))
            assert (await wire.answer()).status == status
            assert (await wire.answer()).json["id"] == 3


@pytest.mark.parametrize(
    "upgrade",
    [
        ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"),
        ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"),
        ("Upgrade: TLS/1.0", "Connection: Upgrade"),
    ],
    ids=lambda upgrade: upgrade[0],
)
async def test_an_upgrade_is_not_taken_up(serve: Serve, upgrade: tuple[str, ...]) -> None:
    port = await serve()
    async with connected(port) as wire:
        wire.send(request("GET /api/ships/1", *upgrade))
        assert (await wire.answer()).json["id"] == 1
        wire.send(request("GET /api/ships/2"))
        assert (await wire.answer()).json["id"] == 2


async def test_a_body_too_large_is_refused_before_it_comes(serve: Serve) -> None:
    port = await serve()
    for expect in ([], ["Expect: 100-continue"]):
        async with connected(port) as wire:
            wire.send(request("POST /api/ships", TOKEN, JSON, "Content-Length: 10000000000", *expect))
            answer = await wire.answer()
        assert (answer.status, answer.headers["Connection"]) == (413, "close")
        assert (answer.json["error"], answer.json["code"]) == ("Request Entity Too Large", "request_entity_too_large")


async def test_100_continue_is_said_to_who_may_send_and_to_nobody_else(serve: Serve) -> None:
    port = await serve()
    expect = ("Expect: 100-continue", f"Content-Length: {len(BODY)}")
    async with connected(port) as wire:
        wire.send(request("POST /api/ships", TOKEN, JSON, *expect))
        assert (await wire.answer()).status == 100
        wire.send(BODY)
        assert (await wire.answer()).status == 201
    for headers, status in (((JSON,), 401), ((TOKEN, "Content-Type: text/plain"), 415)):
        assert (await ask(port, request("POST /api/ships", *headers, *expect))).status == status
    odd = await ask(port, request("POST /api/ships", TOKEN, JSON, "Expect: 200-ok", body=BODY))
    assert (odd.status, odd.json["message"]) == (417, "Only 100-continue can be expected.")
    old = request("POST /api/ships", TOKEN, JSON, "Expect: 100-continue", body=BODY).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert (await ask(port, old)).status == 201


async def test_who_leaves_in_the_middle_of_a_body_stores_nothing_and_is_no_error(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    port = await serve()
    for framing, part in (
        (f"Content-Length: {len(BODY)}", BODY[:-1]),
        ("Transfer-Encoding: chunked", b"%x\r\n%b" % (len(BODY), BODY)),
        ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n" % (len(BODY), BODY)),
    ):
        async with connected(port) as wire:
            wire.send(request("POST /api/ships", TOKEN, JSON, framing) + part)
            assert (await ask(port, request("GET /api/ships/1"))).status == 200  # the other was read by now
    assert len((await ask(port, request("GET /api/ships"))).json) == 15
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_write_of_who_leaves_at_once_is_done_whole_or_not_at_all(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    port = await serve()

    async def leave(index: int) -> None:
        async with connected(port) as wire:
            wire.send(request("POST /api/ships", TOKEN, JSON, body=BODY))
            for _ in range(index % 5):
                await asyncio.sleep(0)

    await asyncio.gather(*map(leave, range(50)))
    ships = (await ask(port, request("GET /api/ships"))).json
    assert all(ship == {"id": ship["id"], **SHIP} for ship in ships[15:])
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


STANDING = {
    "Server": "shipyard",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
SAYING = {
    "GET /api/ships": (200, "no-cache"),
    "GET /api/ships/1": (200, "no-cache"),
    "GET /api/users": (200, "no-cache"),
    "GET /api/ships/99": (404, "no-store"),
    "GET /nowhere": (404, "no-store"),
    "TRACE /api/ships": (405, "no-store"),
    "OPTIONS /api/ships": (204, "no-store"),
    "POST /api/ships": (401, "no-store"),
    "DELETE /api/ships/1": (401, "no-store"),
    "POST /auth/login": (415, "no-store"),
    "GET /health/live": (200, "no-store"),
    "GET /metrics": (200, "no-store"),
    "FOO! /": (400, "no-store"),
}


async def test_every_answer_says_how_it_is_to_be_taken(serve: Serve) -> None:
    port = await serve()
    for line, said in SAYING.items():
        answer = await ask(port, request(line))
        assert (answer.status, answer.headers["Cache-Control"]) == said, line
        assert {name: answer.headers[name] for name in STANDING} == STANDING, line
        assert answer.headers["X-Request-ID"]
        assert all(len(answer.headers.getall(name)) == 1 for name in answer.headers), line
