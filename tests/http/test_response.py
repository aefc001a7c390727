"""A lean answer and the stock one it can become say the same, to the byte."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient

from service.app import create_app
from service.http.response import NO_CACHE, NO_STORE, JSONResponse
from service.testing import settings_for_tests

Ask = Callable[[Callable[[], JSONResponse], str], Awaitable[tuple[list[bytes], bytes]]]


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        await writer.wait_closed()


GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    """`await ask(make, request)`: the head's lines (sorted, without Date) and the body of a real server's answer."""
    runners: list[web.AppRunner] = []

    async def answered(make: Callable[[], JSONResponse], request: str) -> tuple[list[bytes], bytes]:
        async def handler(_: web.Request) -> web.StreamResponse:
            answer = make()
            answer.stamp("id-1")
            return answer

        app = web.Application()
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

    yield answered
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize("cache", [NO_STORE, NO_CACHE])
@pytest.mark.parametrize("headers", [{}, {"ETag": '"1"', "Location": "http://a/b"}])
@pytest.mark.parametrize("status", [200, 201])
async def test_a_lean_answer_says_what_the_stock_one_says(
    ask: Ask, status: int, headers: dict[str, str], cache: str
) -> None:
    def lean() -> JSONResponse:
        return JSONResponse(b'{"a":1}', status, headers, cache=cache)

    def stock() -> JSONResponse:
        answer = lean()
        answer.stock()
        return answer

    assert await ask(lean, GET) == await ask(stock, GET)


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer.headers.update({"X-More": "1"}),
        lambda answer: answer.set_cookie("a", "b"),
        lambda answer: answer.set_status(202),
        lambda answer: answer.force_close(),
        lambda answer: answer.enable_compression(),
        lambda answer: setattr(answer, "body", b"other"),
        lambda answer: setattr(answer, "text", "other"),
    ],
)
async def test_whatever_is_changed_on_a_lean_answer_is_sent(ask: Ask, change: Callable[[web.Response], Any]) -> None:
    def changed(kind: Callable[[], web.Response]) -> Callable[[], Any]:
        def make() -> web.Response:
            answer = kind()
            change(answer)
            return answer

        return make

    def stock() -> JSONResponse:
        answer = JSONResponse(b"{}")
        answer.stock()
        return answer

    lines, body = await ask(changed(lambda: JSONResponse(b"{}")), GET)
    plain, unchanged = await ask(lambda: JSONResponse(b"{}"), GET)
    assert (lines, body) == await ask(changed(stock), GET)
    assert (lines, body) != (plain, unchanged) or change.__code__.co_names == ("enable_compression",)


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b""),
        ("GET / HTTP/1.0\r\n\r\n", b"{}"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"{}"),
    ],
)
async def test_an_unusual_request_gets_the_same_headers(ask: Ask, request_text: str, expected: bytes) -> None:
    lines, body = await ask(lambda: JSONResponse(b"{}"), request_text)
    usual, _ = await ask(lambda: JSONResponse(b"{}"), GET)
    assert body == expected
    assert {*usual[1:]} <= {*lines}


async def test_a_compressed_answer_is_what_the_client_can_unpack(ask: Ask) -> None:
    def compressed() -> JSONResponse:
        answer = JSONResponse(b'{"a":1}')
        answer.enable_compression()
        return answer

    lines, body = await ask(compressed, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
    assert b"Content-Encoding: gzip" in lines
    assert gzip.decompress(body) == b'{"a":1}'


async def test_a_signal_sees_a_lean_answer_and_what_it_changes_is_sent(aiohttp_client: AiohttpClient) -> None:
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


async def test_an_answer_that_nobody_has_stamped_goes_out_as_the_stock_one(aiohttp_client: AiohttpClient) -> None:
    async def sign(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Seen"] = "1"

    async def handler(_: web.Request) -> JSONResponse:
        return JSONResponse(b"{}")

    app = web.Application()
    app.on_response_prepare.append(sign)
    app.router.add_get("/", handler)
    client = await aiohttp_client(app)
    async with client.get("/") as response:
        assert response.headers["X-Seen"] == "1"


def test_a_lean_answer_reads_like_a_response() -> None:
    answer = JSONResponse(b"{}", 201, {"ETag": '"1"'})
    assert (answer.status, answer.prepared, answer.keep_alive) == (201, False, None)
    assert (answer.body, answer.text, answer.content_length) == (b"{}", "{}", 2)
    assert answer.headers["ETag"] == '"1"'
    assert answer.content_type == "application/json"


def test_an_answer_has_no_attributes_of_its_own_making() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = JSONResponse().nonsense


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_no_content_type(ask: Ask, status: int) -> None:
    lines, body = await ask(lambda: JSONResponse(status=status, headers={"ETag": '"1"'}), GET)
    assert body == b""
    assert b'ETag: "1"' in lines
    assert not [line for line in lines if line.lower().startswith(b"content-type")]


async def test_a_line_break_in_a_header_is_never_sent(ask: Ask) -> None:
    with pytest.raises(asyncio.IncompleteReadError) as refused:
        await ask(lambda: JSONResponse(b"{}", headers={"X-A": "b\r\nX-Evil: 1"}), GET)
    assert refused.value.partial == b""
