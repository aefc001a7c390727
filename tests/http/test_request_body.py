"""Bodies before anybody looks at their fields: media type, coding, size, time, shape."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
import pytest

from tests.support.raw_http import ask
from tests.support.requests import SHIP, Client, bearer, error_body, status_and_message

MakeClient = Callable[..., Awaitable[Client]]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
WRITES = [
    ("POST", "/auth/login"),
    ("POST", "/api/users"),
    ("PUT", "/api/users/1"),
    ("PATCH", "/api/users/1"),
    ("POST", "/api/ships"),
    ("PUT", "/api/ships/1"),
    ("PATCH", "/api/ships/1"),
]
NO_TYPES = [
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"),
    *("application/problem+json", "application/vnd.api+json", "text/json", "json", "*/*", "application/*", ""),
    *("application/json; charset=utf-16", "application/json; charset=bogus", "application/json; charset=base64"),
    *("application/json; charset=latin-1", "application/json; charset=", "xapplication/json"),
]
TYPES = [
    *("application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'),
    *("application/json ; charset=utf-8", "application/json; version=1"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_body_that_does_not_say_it_is_json_is_not_read(make_client: MakeClient, method: str, path: str) -> None:
    client = await make_client()
    types = f"{JSON}, {MERGE_PATCH}" if method == "PATCH" else JSON
    for type in (*NO_TYPES, *(() if method == "PATCH" else (MERGE_PATCH,))):
        headers = {**bearer(client), "Content-Type": type}
        answer = await client.request(method, path, data=b"{}", headers=headers)
        said = (415, "The body must be application/json, in UTF-8.")
        assert (await status_and_message(answer), answer.headers["Accept-Post"]) == (said, types), type
        assert answer.headers.get("Accept-Patch") == (types if method == "PATCH" else None)  # RFC 5789, 3.1
    headers = bearer(client)
    answer = await client.request(method, path, data=b"{}", headers=headers, skip_auto_headers=["Content-Type"])
    assert answer.status == 415


async def test_a_media_type_has_no_case_and_may_say_utf_8(make_client: MakeClient) -> None:
    client = await make_client()
    for type in TYPES:
        headers = {**bearer(client), "Content-Type": type}
        answer = await client.put("/api/ships/1", data=orjson.dumps(SHIP), headers=headers)
        assert answer.status == 200, type
    for type in (JSON, MERGE_PATCH, f"{MERGE_PATCH}; charset=utf-8"):
        headers = {**bearer(client), "Content-Type": type}
        answer = await client.patch("/api/ships/1", data=b'{"crew":2}', headers=headers)
        assert answer.status == 200, type


async def test_a_compressed_body_is_refused_and_never_unpacked(make_client: MakeClient) -> None:
    client = await make_client()
    bomb = gzip.compress(b"[" + b" " * 20_000_000 + b"]", 1)[:60_000]
    for coding in ("gzip", "deflate", "br", "zstd", "foo", "GZIP", "gzip, identity", "identity, gzip"):
        headers = {**bearer(client), "Content-Type": JSON, "Content-Encoding": coding}
        answer = await client.post("/api/ships", data=bomb, headers=headers, compress=None)
        assert await status_and_message(answer) == (415, "The body must not be compressed."), coding
    headers = {**bearer(client), "Content-Type": JSON, "Content-Encoding": "Identity"}
    answer = await client.post("/api/ships", data=orjson.dumps(SHIP), headers=headers)
    assert answer.status == 201


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_json_that_is_no_object_is_of_the_wrong_type(make_client: MakeClient, method: str, path: str) -> None:
    client = await make_client()
    headers = {**bearer(client), "Content-Type": JSON}
    for text in (b"[]", b'[{"name": "x"}]', b'"x"', b"1", b"0", b"null", b"true", b"false"):
        answer = await client.request(method, path, data=text, headers=headers)
        said = {"error": "Bad Request", "message": {"_schema": ["Invalid input type."]}, "code": "validation_failed"}
        assert (answer.status, await error_body(answer)) == (400, said), text


@pytest.mark.parametrize("limit", [1024, 65_536])
async def test_a_body_may_be_as_long_as_the_limit_and_no_longer(make_client: MakeClient, limit: int) -> None:
    client = await make_client(limits={"body_bytes": limit})
    headers = {**bearer(client), "Content-Type": JSON}
    longest = orjson.dumps(SHIP).ljust(limit)

    async def chunks(text: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(text), 500):
            yield text[start : start + 500]

    for text, status in ((longest, 201), (longest + b" ", 413)):
        for data in (text, chunks(text)):
            answer = await client.post("/api/ships", data=data, headers=headers)
            assert answer.status == status
    assert await status_and_message(answer) == (413, f"The body must not have more than {limit} bytes.")
    assert answer.headers["Connection"] == "close"
    assert len(await (await client.get("/api/ships")).json()) == 17


async def test_a_body_that_does_not_come_in_time_is_given_up(serve: Callable[..., Awaitable[int]]) -> None:
    port = await serve(limits={"body_seconds": 0.1})
    head = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

    halves = [
        b"Content-Length: 40\r\n\r\n",
        b'Content-Length: 40\r\n\r\n{"username":',
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n",
    ]
    for answer in await asyncio.gather(*(ask(port, head + half) for half in halves * 10)):
        assert (answer.status, answer.headers["Connection"]) == (408, "close")
        assert answer.json["message"] == "The body was not received in time."


async def test_a_get_or_delete_may_bring_a_body_that_nobody_reads(make_client: MakeClient) -> None:
    client = await make_client()
    for method, status in (("GET", 200), ("DELETE", 204), ("GET", 404)):
        answer = await client.request(method, "/api/ships/1", data=b"\xff" * 5000, headers=bearer(client))
        assert answer.status == status


async def test_what_is_not_json_is_told_so_with_the_reason(make_client: MakeClient) -> None:
    client = await make_client()
    answer = await client.post("/auth/login", data=b'{"a":NaN}', headers={"Content-Type": JSON})
    status, message = await status_and_message(answer)
    assert (status, message.startswith("Not valid JSON: ")) == (400, True)
