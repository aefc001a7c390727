"""Connections: pipelining, closing, upgrades, clients that disconnect; the headers of every response."""

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


async def test_head_returns_the_headers_of_get_without_the_body(serve: Serve) -> None:
    port = await serve()
    varying = {"X-Request-ID", "Date"}
    for path in ("/api/ships", "/api/ships/1", "/api/ships?_limit=2&_sort=-crew", "/api/users/2", "/health/live"):
        get = await ask(port, request(f"GET {path}"))
        head = await ask(port, request(f"HEAD {path}"), body=False)
        assert (get.status, head.status) == (200, 200)
        assert head.headers.keys() == get.headers.keys()
        assert {name for name in get.headers if get.headers[name] != head.headers[name]} <= varying, path
    async with connected(port) as connection:
        connection.send(request("HEAD /api/ships/99") + request("HEAD /nowhere") + request("GET /api/ships/1"))
        for path in ("/api/ships/99", "/nowhere"):
            response = await connection.response(body=False)
            assert (response.status, response.headers["Content-Type"]) == (404, "application/json"), path
            assert int(response.headers["Content-Length"]) > 0
        assert (await connection.response()).json["id"] == 1


async def test_options_and_405_list_the_methods_of_a_path(serve: Serve) -> None:
    port = await serve()
    for path, methods in METHODS.items():
        response = await ask(port, request(f"OPTIONS {path}"))
        assert (response.status, response.headers["Allow"], response.body) == (204, methods, b""), path
        for method in {"TRACE", "PROPFIND", "QUERY", "GET", "PUT", "POST", "DELETE", "PATCH"} - {*methods.split(", ")}:
            response = await ask(port, request(f"{method} {path}", TOKEN))
            assert (response.status, response.headers["Allow"]) == (405, methods), (method, path)
            assert (response.json["error"], response.json["code"]) == ("Method Not Allowed", "method_not_allowed")


async def test_unknown_methods_are_rejected(serve: Serve) -> None:
    port = await serve()
    for line in ("FOO /api/ships", "get /api/ships", "CONNECT localhost:80", "CONNECT /api/ships", "OPTIONS *"):
        assert (await ask(port, request(line))).status in (400, 404, 405), line


async def test_pipelined_requests_get_their_responses_in_order(serve: Serve) -> None:
    port = await serve()
    for number in (3, 500):
        async with connected(port) as connection:
            connection.send(b"".join(request(f"GET /api/ships/{index % 15 + 1}") for index in range(number)))
            ids = [(await connection.response()).json["id"] for _ in range(number)]
        assert ids == [index % 15 + 1 for index in range(number)]


async def test_an_http_1_0_request_gets_a_response_and_the_connection_is_closed(serve: Serve) -> None:
    port = await serve()
    for host in (b"", b"Host: localhost\r\n"):
        async with connected(port) as connection:
            connection.send(b"GET /api/ships/1 HTTP/1.0\r\n" + host + b"\r\n")
            assert (await connection.response()).json["id"] == 1
            assert await connection.is_closed()


async def test_connection_close_closes_the_connection_after_the_response(serve: Serve) -> None:
    port = await serve()
    async with connected(port) as connection:
        connection.send(request("GET /api/ships/1") + request("GET /api/ships/2", "Connection: close"))
        assert [(await connection.response()).status for _ in "12"] == [200, 200]
        assert await connection.is_closed()


@pytest.mark.parametrize("body", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_an_unread_body_is_not_parsed_as_the_next_request(serve: Serve, body: str) -> None:
    port = await serve()
    data = b"GET / HTT" if body.startswith("C") else b"9\r\nGET / HTT\r\n0\r\n\r\n"
    async with connected(port) as connection:
        for line, status in (("GET /api/ships/1", 200), ("DELETE /api/ships/2", 204), ("POST /nowhere", 404)):
            connection.send(request(line, TOKEN, body) + data + request("GET /api/ships/3"))
            assert (await connection.response()).status == status
            assert (await connection.response()).json["id"] == 3


@pytest.mark.parametrize(
    "upgrade",
    [
        ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"),
        ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"),
        ("Upgrade: TLS/1.0", "Connection: Upgrade"),
    ],
    ids=lambda upgrade: upgrade[0],
)
async def test_an_upgrade_is_ignored(serve: Serve, upgrade: tuple[str, ...]) -> None:
    port = await serve()
    async with connected(port) as connection:
        connection.send(request("GET /api/ships/1", *upgrade))
        assert (await connection.response()).json["id"] == 1
        connection.send(request("GET /api/ships/2"))
        assert (await connection.response()).json["id"] == 2


async def test_a_body_that_is_too_large_is_rejected_before_it_is_sent(serve: Serve) -> None:
    port = await serve()
    for expect in ([], ["Expect: 100-continue"]):
        async with connected(port) as connection:
            connection.send(request("POST /api/ships", TOKEN, JSON, "Content-Length: 10000000000", *expect))
            response = await connection.response()
        assert (response.status, response.headers["Connection"]) == (413, "close")
        assert (response.json["error"], response.json["code"]) == (
            "Request Entity Too Large",
            "request_entity_too_large",
        )


async def test_100_continue_is_sent_only_if_the_body_will_be_read(serve: Serve) -> None:
    port = await serve()
    expect = ("Expect: 100-continue", f"Content-Length: {len(BODY)}")
    async with connected(port) as connection:
        connection.send(request("POST /api/ships", TOKEN, JSON, *expect))
        assert (await connection.response()).status == 100
        connection.send(BODY)
        assert (await connection.response()).status == 201
    for headers, status in (((JSON,), 401), ((TOKEN, "Content-Type: text/plain"), 415)):
        assert (await ask(port, request("POST /api/ships", *headers, *expect))).status == status
    unknown = await ask(port, request("POST /api/ships", TOKEN, JSON, "Expect: 200-ok", body=BODY))
    assert (unknown.status, unknown.json["message"]) == (417, "Only 100-continue can be expected.")
    http_1_0 = request("POST /api/ships", TOKEN, JSON, "Expect: 100-continue", body=BODY).replace(
        b"HTTP/1.1", b"HTTP/1.0"
    )
    assert (await ask(port, http_1_0)).status == 201


async def test_a_client_that_disconnects_during_its_body_stores_nothing_and_logs_no_error(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    port = await serve()
    for framing, part in (
        (f"Content-Length: {len(BODY)}", BODY[:-1]),
        ("Transfer-Encoding: chunked", b"%x\r\n%b" % (len(BODY), BODY)),
        ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n" % (len(BODY), BODY)),
    ):
        async with connected(port) as connection:
            connection.send(request("POST /api/ships", TOKEN, JSON, framing) + part)
            assert (await ask(port, request("GET /api/ships/1"))).status == 200  # by now the other request was read
    assert len((await ask(port, request("GET /api/ships"))).json) == 15
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_the_write_of_a_client_that_disconnects_is_complete_or_not_done(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    port = await serve()

    async def disconnect(index: int) -> None:
        async with connected(port) as connection:
            connection.send(request("POST /api/ships", TOKEN, JSON, body=BODY))
            for _ in range(index % 5):
                await asyncio.sleep(0)

    await asyncio.gather(*map(disconnect, range(50)))
    ships = (await ask(port, request("GET /api/ships"))).json
    assert all(ship == {"id": ship["id"], **SHIP} for ship in ships[15:])
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


DEFAULT_HEADERS = {
    "Server": "shipyard",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
CACHE_CONTROL = {
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


async def test_every_response_has_the_default_headers_and_cache_control(serve: Serve) -> None:
    port = await serve()
    for line, expected in CACHE_CONTROL.items():
        response = await ask(port, request(line))
        assert (response.status, response.headers["Cache-Control"]) == expected, line
        assert {name: response.headers[name] for name in DEFAULT_HEADERS} == DEFAULT_HEADERS, line
        assert response.headers["X-Request-ID"]
        assert all(len(response.headers.getall(name)) == 1 for name in response.headers), line
