"""A JSONResponse written in one piece and the same one sent by aiohttp have the same bytes."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import HttpVersion11, web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import make_mocked_request

from service.app import create_app
from service.http.app_keys import REQUEST_ID
from service.http.response import MAX_ONE_WRITE, NO_CACHE, NO_STORE, JSONResponse, add_default_headers
from service.testing import settings_for_tests

Make = Callable[[], JSONResponse]
Ask = Callable[..., Awaitable[tuple[list[bytes], bytes]]]

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    """`await ask(make, request)`: the lines of the head (sorted, without Date) and the body that a real server sends.

    one_piece: whether the response may be written in one piece.
    """
    runners: list[web.AppRunner] = []

    async def send(make: Make, request: str = GET, *, one_piece: bool = True) -> tuple[list[bytes], bytes]:
        async def handler(request: web.Request) -> web.StreamResponse:
            request[REQUEST_ID] = "id-1"
            response = make()
            response.request_id = "id-1" if one_piece else ""
            return response

        app = web.Application()
        app.on_response_prepare.append(add_default_headers)
        app.router.add_get("/", handler)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        async with closing(writer):
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            status, *lines = head[:-4].split(b"\r\n")
            size = next((int(line.split()[1]) for line in lines if line.lower().startswith(b"content-length")), 0)
            body = await reader.readexactly(0 if "HEAD" in request else size)
        return [status, *sorted(line for line in lines if not line.startswith(b"Date: "))], body

    yield send
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each response, whether it was written in one piece."""
    seen: list[bool] = []
    original = JSONResponse._one_piece

    def spy(self: JSONResponse, *args: Any) -> bytes | None:
        data = original(self, *args)
        seen.append(data is not None)
        return data

    monkeypatch.setattr(JSONResponse, "_one_piece", spy)
    return seen


@pytest.mark.parametrize("cache", [NO_STORE, NO_CACHE])
@pytest.mark.parametrize("headers", [{}, {"ETag": '"1"', "Location": "http://a/b"}])
@pytest.mark.parametrize("status", [200, 201])
async def test_both_ways_send_the_same_bytes(
    ask: Ask, written: list[bool], status: int, headers: dict[str, str], cache: str
) -> None:
    def make() -> JSONResponse:
        return JSONResponse(b'{"a":1}', status, headers, cache=cache)

    assert await ask(make) == await ask(make, one_piece=False)
    assert written == [True, False]


CHANGES: dict[str, Callable[[JSONResponse], Any]] = {
    "header": lambda response: response.headers.update({"X-More": "1"}),
    "default header": lambda response: response.headers.update({"server": "other"}),
    "content type": lambda response: response.headers.update({"Content-Type": "application/problem+json"}),
    "cookie": lambda response: response.set_cookie("a", "b"),
    "status": lambda response: response.set_status(202),
    "close": lambda response: response.force_close(),
    "body": lambda response: setattr(response, "body", b"other"),
    "long body": lambda response: setattr(response, "body", b"1" * (MAX_ONE_WRITE + 1)),
}


IN_ONE_PIECE = {"header", "body"}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_changed_response_is_sent_as_it_was_changed(ask: Ask, written: list[bool], name: str) -> None:
    def make() -> JSONResponse:
        response = JSONResponse(b"{}")
        CHANGES[name](response)
        return response

    changed = await ask(make)
    assert written == [name in IN_ONE_PIECE]
    assert changed == await ask(make, one_piece=False)
    assert changed != await ask(lambda: JSONResponse(b"{}"))


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b""),
        ("GET / HTTP/1.0\r\n\r\n", b"{}"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"{}"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"{}"),
    ],
)
async def test_an_unusual_request_gets_the_same_headers(
    ask: Ask, written: list[bool], request_text: str, expected: bytes
) -> None:
    lines, body = await ask(lambda: JSONResponse(b"{}"), request_text)
    assert written == [False]
    usual, _ = await ask(lambda: JSONResponse(b"{}"))
    assert body == expected
    assert {*usual[1:]} <= {*lines}


@pytest.mark.parametrize(("method", "value"), [("is_closing", True), ("get_write_buffer_size", 1)])
async def test_a_closing_or_slow_connection_is_left_to_aiohttp(method: str, value: Any) -> None:
    def transport(**values: Any) -> Mock:
        returned = {"is_closing": False, "get_write_buffer_size": 0, "get_extra_info": None, **values}
        return Mock(**{f"{name}.return_value": it for name, it in returned.items()})

    async def prepare(transport: Mock) -> JSONResponse:
        response = JSONResponse(b"{}")
        response.request_id = "id-1"
        await response.prepare(make_mocked_request("GET", "/", version=HttpVersion11, transport=transport))
        return response

    usual, unusual = transport(), transport(**{method: value})
    assert (await prepare(usual)).stock is None
    usual.write.assert_called_once()
    assert (await prepare(unusual)).stock is not None
    unusual.write.assert_not_called()


async def test_a_compressed_response_can_be_decompressed(ask: Ask) -> None:
    def compressed() -> JSONResponse:
        response = JSONResponse(b'{"a":1}')
        response.enable_compression()
        return response

    lines, body = await ask(compressed, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
    assert b"Content-Encoding: gzip" in lines
    assert gzip.decompress(body) == b'{"a":1}'


async def test_a_signal_sees_every_response_and_its_changes_are_sent(aiohttp_client: AiohttpClient) -> None:
    async def sign(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Seen"] = f"{response.status} {response.content_length}"

    app, other = (create_app(settings_for_tests()) for _ in range(2))
    app.on_response_prepare.append(sign)
    client, plain = await aiohttp_client(app), await aiohttp_client(other)
    async with client.get("/api/ships/1") as seen, plain.get("/api/ships/1") as unseen:
        body = await seen.read()
        assert seen.headers["X-Seen"] == f"200 {len(body)}"
        assert body == await unseen.read()
        assert {*seen.headers} == {*unseen.headers, "X-Seen"}


def test_a_response_can_be_read_before_it_is_sent() -> None:
    response = JSONResponse({"a": [1]}, 201, {"ETag": '"1"'})
    assert (response.status, response.prepared, response.keep_alive) == (201, False, None)
    assert response.body == b'{"a":[1]}'
    assert response.headers["ETag"] == '"1"'


@pytest.mark.parametrize("status", [204, 304])
async def test_a_response_without_a_body_has_no_content_type(ask: Ask, status: int) -> None:
    lines, body = await ask(lambda: JSONResponse(status=status, headers={"ETag": '"1"'}))
    assert body == b""
    assert b'ETag: "1"' in lines
    assert not [line for line in lines if line.lower().startswith(b"content-type")]


async def test_a_header_with_a_line_break_is_never_sent(ask: Ask) -> None:
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        await ask(lambda: JSONResponse(b"{}", headers={"X-A": "b\r\nX-Evil: 1"}))
    assert caught.value.partial == b""
