"""Paths, queries and Host headers as received: each resource has one path, and other spellings get a 404."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import product
from urllib.parse import quote

import orjson

from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests
from tests.support.raw_http import ask, connected, request
from tests.support.requests import SHIP

Serve = Callable[..., Awaitable[int]]

TOKEN = f"Authorization: Bearer {Tokens(settings_for_tests().jwt, SECRET).pair(1).access}"
JSON = "Content-Type: application/json"

INVALID_IDS = [
    *(
        "0",
        "-1",
        "+1",
        "007",
        "01",
        "1.0",
        "1e0",
        "1e3",
        "0x1",
        "1_0",
        "true",
        "null",
        "1,2",
        "1;2",
        "*",
        "1-",
        "NaN",
        "01",
    ),
    *(quote(digit) for digit in ("١", "𝟏", "²", "１", "½", "Ⅰ", "一")),
    *("1%0A", "1%00", "1%20", "%201", "1%09", "1%0D%0A", "1%2F", "%2531", "1%C2%A0", "1%EF%BB%BF", "%FF", "1%ED%A0%80"),
    *(str(2**63), str(2**64), "1" + "0" * 16, "9" * 5000, "1" * 17),
]
UNKNOWN_PATHS = [
    *("/", "/api", "/api/", "/api/ships/", "/api//ships", "//api/ships", "/API/ships", "/api/Ships", "/api/ship"),
    *("/api/x/../ships", "/api/./ships", "/api/ships/.", "/api/ships/..", "/../api/ships", "/%2e%2e/api/ships"),
    *(
        "/api/%2e%2e/api/ships",
        "/api%2Fships",
        "/api%2fships",
        "/api\\ships",
        "/api%5Cships",
        "/api/ships%00",
        "/api/ships%0A",
    ),
    *(
        "/api/ships%20",
        "/api/ships;x=1",
        "/api/ships/1/",
        "/api/ships/1/x",
        "/api/users/",
        "/api/users/1/ships",
        "/auth",
    ),
    *(
        "/auth/",
        "/auth/login/",
        "/login",
        "/static/x",
        "/.env",
        "/.git/config",
        "/api/docs/../../data.json",
        "/favicon.ico",
    ),
    *("/api/docs/%2e%2e/%2e%2e/data.json", "/api/docs/..%2f..%2fdata.json", "/api/docs/", "/%FF", "/%", "/%zz", "/é"),
    *("//evil.example/api/ships", "/\\evil.example", "/%5Cevil.example", "///", "/api/ships/1%3Fx"),
]


async def test_an_id_has_one_spelling(serve: Serve) -> None:
    port = await serve()
    for method, resource, id in product(("GET", "PUT", "PATCH", "DELETE"), ("ships", "users"), INVALID_IDS):
        response = await ask(port, request(f"{method} /api/{resource}/{id}", TOKEN))
        assert (response.status, response.json["code"]) == (404, "not_found"), id
    assert len((await ask(port, request("GET /api/ships"))).json) == 15


async def test_a_digit_may_be_percent_encoded(serve: Serve) -> None:
    port = await serve()
    for path in ("/api/ships/%31", "/api/%73hips/1", "/api/ships/%31?", "/api/ships/1#x"):
        response = await ask(port, request(f"GET {path}"))
        assert (response.status, response.json["id"]) == (200, 1), path


async def test_a_path_has_one_spelling_and_no_redirects(serve: Serve) -> None:
    port = await serve()
    for path in UNKNOWN_PATHS:
        response = await ask(port, request(f"GET {path}"))
        assert (response.status, response.json["code"]) in ((404, "not_found"), (400, "bad_request")), path
        assert "Location" not in response.headers


async def test_absolute_and_authority_form_targets_get_a_json_response(serve: Serve) -> None:
    port = await serve()
    for line in (
        "GET http://evil.example/api/ships/1",
        "GET http://evil.example:99999/",
        "GET http:///x",
        "GET evil.example:80",
    ):
        response = await ask(port, request(line))
        assert response.status in (200, 400, 404), line
        assert response.headers["Content-Type"] == "application/json"


async def test_a_malformed_query_is_never_a_500(serve: Serve) -> None:
    port = await serve()
    many = "&".join(f"a{index}=1" for index in range(1000))
    for query in (
        "a=%ff",
        "%ff=1",
        "a=1&a=2",
        many,
        "&&&",
        "=",
        "==",
        "a",
        "%00=%00",
        "a=%zz",
        "a=\\",
        "a=é",
        "[]=1",
        "+=+",
    ):
        response = await ask(port, request(f"GET /api/ships?{query}"))
        assert response.status in (200, 400), query
        response = await ask(port, request(f"GET /api/ships/1?{query}"))
        assert response.status in (200, 400), query
    for query in ("a=%ff", "%ff=1", many):
        response = await ask(port, request(f"GET /api/ships?{query}"))
        assert (response.status, response.json["code"]) == (400, "invalid_parameters")


async def test_reading_one_record_rejects_query_parameters(serve: Serve) -> None:
    port = await serve()
    response = await ask(port, request("GET /api/ships/1?crew=1&_fields=id"))
    assert response.status == 400
    assert response.json["message"] == {"crew": ["Unknown parameter."], "_fields": ["Unknown parameter."]}


MALFORMED_HOSTS = [
    *(
        "a:99999",
        "a:65536",
        "a:",
        "a:x",
        "a:-1",
        "[::",
        "[::1",
        "::1",
        "evil@x",
        "user:password@x",
        "a/b",
        "a?b",
        "a#b",
    ),
    *("a b", "a,b", "", "é", "a%00b", "a\\b", "<x>", '"x"', "http://x", "[x]", "[::1]x"),
]


async def test_a_malformed_host_is_rejected_before_the_request_is_processed(serve: Serve) -> None:
    port = await serve()
    for host in MALFORMED_HOSTS:
        async with connected(port) as connection:
            data = request(
                "POST /api/ships", TOKEN, "Content-Type: application/json", body=orjson.dumps(SHIP), host=host
            )
            connection.send(data)
            response = await connection.response()
            assert (response.status, response.headers["Connection"], "Location" in response.headers) == (
                400,
                "close",
                False,
            )
            assert await connection.is_closed(), host
    assert len((await ask(port, request("GET /api/ships"))).json) == 15


async def test_links_use_the_host_of_the_request(serve: Serve) -> None:
    port = await serve()
    for host in ("a", "A.example", "127.0.0.1:80", "[::1]:5000", "[2001:db8::1]", "a_b-c.d:65535", "a:0"):
        response = await ask(port, request("GET /api/ships?_limit=1", host=host))
        assert response.headers["Link"].startswith(f"<http://{host}/api/ships?_start=0&_limit=1>")


async def test_exactly_one_host_header_is_required(serve: Serve) -> None:
    port = await serve()
    for head in (b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nHost: b\r\n"):
        response = await ask(port, b"GET /api/ships/1 HTTP/1.1\r\n" + head + b"\r\n")
        assert (response.status, response.json["code"]) == (400, "bad_request"), head
