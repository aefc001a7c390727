"""Request bodies before validation: media type, encoding, size, timeout, JSON type."""

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
UNSUPPORTED_TYPES = [
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
async def test_a_body_of_another_media_type_is_rejected(make_client: MakeClient, method: str, path: str) -> None:
    client = await make_client()
    types = f"{JSON}, {MERGE_PATCH}" if method == "PATCH" else JSON
    for type in (*UNSUPPORTED_TYPES, *(() if method == "PATCH" else (MERGE_PATCH,))):
        headers = {**bearer(client), "Content-Type": type}
        response = await client.request(method, path, data=b"{}", headers=headers)
        expected = (415, "The body must be application/json, in UTF-8.")
        assert (await status_and_message(response), response.headers["Accept-Post"]) == (expected, types), type
        assert response.headers.get("Accept-Patch") == (types if method == "PATCH" else None)  # RFC 5789, 3.1
    headers = bearer(client)
    response = await client.request(method, path, data=b"{}", headers=headers, skip_auto_headers=["Content-Type"])
    assert response.status == 415


async def test_the_media_type_is_case_insensitive_and_may_have_the_charset_utf_8(make_client: MakeClient) -> None:
    client = await make_client()
    for type in TYPES:
        headers = {**bearer(client), "Content-Type": type}
        response = await client.put("/api/ships/1", data=orjson.dumps(SHIP), headers=headers)
        assert response.status == 200, type
    for type in (JSON, MERGE_PATCH, f"{MERGE_PATCH}; charset=utf-8"):
        headers = {**bearer(client), "Content-Type": type}
        response = await client.patch("/api/ships/1", data=b'{"crew":2}', headers=headers)
        assert response.status == 200, type


async def test_a_compressed_body_is_rejected_without_decompression(make_client: MakeClient) -> None:
    client = await make_client()
    bomb = gzip.compress(b"[" + b" " * 20_000_000 + b"]", 1)[:60_000]
    for coding in ("gzip", "deflate", "br", "zstd", "foo", "GZIP", "gzip, identity", "identity, gzip"):
        headers = {**bearer(client), "Content-Type": JSON, "Content-Encoding": coding}
        response = await client.post("/api/ships", data=bomb, headers=headers, compress=None)
        assert await status_and_message(response) == (415, "The body must not be compressed."), coding
    headers = {**bearer(client), "Content-Type": JSON, "Content-Encoding": "Identity"}
    response = await client.post("/api/ships", data=orjson.dumps(SHIP), headers=headers)
    assert response.status == 201


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_json_other_than_an_object_is_a_validation_error(make_client: MakeClient, method: str, path: str) -> None:
    client = await make_client()
    headers = {**bearer(client), "Content-Type": JSON}
    for text in (b"[]", b'[{"name": "x"}]', b'"x"', b"1", b"0", b"null", b"true", b"false"):
        response = await client.request(method, path, data=text, headers=headers)
        expected = {
            "error": "Bad Request",
            "message": {"_schema": ["Invalid input type."]},
            "code": "validation_failed",
        }
        assert (response.status, await error_body(response)) == (400, expected), text


@pytest.mark.parametrize("limit", [1024, 65_536])
async def test_a_body_may_be_as_large_as_the_limit_but_not_larger(make_client: MakeClient, limit: int) -> None:
    client = await make_client(limits={"body_bytes": limit})
    headers = {**bearer(client), "Content-Type": JSON}
    longest = orjson.dumps(SHIP).ljust(limit)

    async def chunks(text: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(text), 500):
            yield text[start : start + 500]

    for text, status in ((longest, 201), (longest + b" ", 413)):
        for data in (text, chunks(text)):
            response = await client.post("/api/ships", data=data, headers=headers)
            assert response.status == status
    assert await status_and_message(response) == (413, f"The body must not have more than {limit} bytes.")
    assert response.headers["Connection"] == "close"
    assert len(await (await client.get("/api/ships")).json()) == 17


async def test_a_body_that_is_not_received_in_time_gets_408_and_the_connection_is_closed(
    serve: Callable[..., Awaitable[int]],
) -> None:
    port = await serve(limits={"body_seconds": 0.1})
    head = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

    incomplete = [
        b"Content-Length: 40\r\n\r\n",
        b'Content-Length: 40\r\n\r\n{"username":',
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n",
    ]
    for response in await asyncio.gather(*(ask(port, head + start) for start in incomplete * 10)):
        assert (response.status, response.headers["Connection"]) == (408, "close")
        assert response.json["message"] == "The body was not received in time."


async def test_the_body_of_a_get_or_delete_is_ignored(make_client: MakeClient) -> None:
    client = await make_client()
    for method, status in (("GET", 200), ("DELETE", 204), ("GET", 404)):
        response = await client.request(method, "/api/ships/1", data=b"\xff" * 5000, headers=bearer(client))
        assert response.status == status


async def test_the_error_for_invalid_json_contains_the_reason(make_client: MakeClient) -> None:
    client = await make_client()
    response = await client.post("/auth/login", data=b'{"a":NaN}', headers={"Content-Type": JSON})
    status, message = await status_and_message(response)
    assert (status, message.startswith("Not valid JSON: ")) == (400, True)
