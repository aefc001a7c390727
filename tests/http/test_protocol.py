"""HTTP/1.1 messages (RFC 9112): a malformed request gets a 400, closes the connection, and nothing after it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests
from tests.support.raw_http import RawResponse, ask, connected, request
from tests.support.requests import SHIP

Serve = Callable[..., Awaitable[int]]

TOKEN = f"Authorization: Bearer {Tokens(settings_for_tests().jwt, SECRET).pair(1).access}"
JSON = "Content-Type: application/json"
BODY = orjson.dumps(SHIP)
NEW_SHIP = request("POST /api/ships", TOKEN, JSON, body=BODY)
POST = f"POST /api/ships HTTP/1.1\r\nHost: x\r\n{TOKEN}\r\n{JSON}\r\n".encode()


def chunked(*chunks: bytes) -> bytes:
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


async def count(port: int) -> int:
    return len((await ask(port, request("GET /api/ships"))).json)


async def rejected(port: int, data: bytes) -> RawResponse:
    """Send malformed data followed by a valid request; return the only response, a 400 that closes the connection."""
    async with connected(port) as connection:
        connection.send(data + NEW_SHIP)
        response = await connection.response()
        assert await connection.is_closed(), data
    assert (response.status, response.headers["Content-Type"]) == (400, "application/json"), data
    assert response.headers["Connection"] == "close", data
    assert response.json["request_id"] == response.headers["X-Request-ID"]
    assert (response.json["error"], response.json["code"]) == ("Bad Request", "bad_request")
    assert await count(port) == 15, data
    return response


async def test_a_well_formed_request_is_executed(serve: Serve) -> None:
    port = await serve()
    for id, data in enumerate((NEW_SHIP, chunked(chunk(BODY[:9]), chunk(BODY[9:]), b"0\r\n\r\n")), 16):
        response = await ask(port, data)
        assert (response.status, response.json["id"]) == (201, id)


AMBIGUOUS_FRAMING = [
    b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"Content-Length: 3\r\nContent-Length: 3\r\n\r\n123",
    b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n123",
    *(
        b"Content-Length: %b\r\n\r\n123" % value
        for value in (b"+3", b"0x3", b"1_0", b"3,3", b"3 3", b"-3", b"3.0", b"a")
    ),
    b"Content-Length: \xd9\xa3\r\n\r\n123",
    b"Content-Length:\r\n\r\n123",
    b"Content-Length : 3\r\n\r\n123",
    b"Content-Length: 99999999999999999999\r\n\r\n123",
    *(
        b"Transfer-Encoding: %b\r\n\r\n3\r\n{} \r\n0\r\n\r\n" % value
        for value in (
            b"xchunked",
            b"chunked, identity",
            b"chunked, chunked",
            b"gzip",
            b"identity",
            b"chunked;q=1",
            b"",
            b"chu",
        )
    ),
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding:\n chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
]


async def test_ambiguous_or_invalid_framing_is_rejected(serve: Serve) -> None:
    port = await serve()
    for framing in AMBIGUOUS_FRAMING:
        await rejected(port, POST + framing)


async def test_chunked_encoding_is_rejected_in_http_1_0(serve: Serve) -> None:
    port = await serve()
    head = POST.replace(b"HTTP/1.1", b"HTTP/1.0")
    await rejected(port, head + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{} \r\n0\r\n\r\n")


INVALID_CHUNK_SIZES = [
    b"g",
    b"-2",
    b"+2",
    b"0x2",
    b" 2",
    b"2 2",
    b"",
    b"2;\n",
    b"\xd9\xa2",
    b"f" * 17,
    b"2_0",
    b"2\n",
    b"2\r",
]


async def test_a_chunk_size_that_is_not_a_hexadecimal_number_is_rejected(serve: Serve) -> None:
    port = await serve()
    for size in INVALID_CHUNK_SIZES:
        await rejected(port, chunked(size, b"\r\n{}\r\n0\r\n\r\n"))


MALFORMED_CHUNKS = [
    b"2\r\n{}0\r\n\r\n",
    b"2\r\n{}\n0\r\n\r\n",
    b"2\r\n{} \r\n0\r\n\r\n",
    b"2\n{}\r\n0\r\n\r\n",
    b"2;x=\n1\r\n{}\r\n0\r\n\r\n",
    b"0\r\nno colon\r\n\r\n",
    b"0\r\n" + b"X-Trailer: 1\r\n" * 10_000 + b"\r\n",
]


async def test_chunks_that_do_not_match_their_size_are_rejected(serve: Serve) -> None:
    port = await serve()
    for chunks in MALFORMED_CHUNKS:
        await rejected(port, chunked(chunks))


async def test_a_header_has_at_most_8190_bytes_and_a_request_at_most_128_headers(serve: Serve) -> None:
    port = await serve()

    def long(size: int) -> bytes:
        return request("GET /api/ships/1", "X-Long: " + "x" * size)

    def many(number: int) -> bytes:
        return request("GET /api/ships/1", *(f"X-{index}: 1" for index in range(number - 1)))

    for data in (long(8190), many(128)):
        assert (await ask(port, data)).status == 200
    for data in (long(8191), long(100_000), many(129), many(5000)):
        await rejected(port, data)


async def test_a_target_of_100_000_bytes_is_rejected(serve: Serve) -> None:
    port = await serve()
    for line in ("GET /" + "a" * 100_000, "GET /api/ships?" + "a" * 100_000, "GET /%ff" + "%ff" * 30_000):
        assert (await ask(port, request(line))).status in (400, 414)


MALFORMED_HEADERS = [
    b"X-Folded: a\r\n b\r\n",
    b"X-Bare: a\rb\r\n",
    b"X-Bare: a\nb\r\n",
    b"X-Nul: a\0b\r\n",
    b"X-\0: a\r\n",
    b"X Space: a\r\n",
    b"X-Space : a\r\n",
    b" X-Space: a\r\n",
    b"no colon\r\n",
    b": no name\r\n",
    b"X-\xc3\xa9: a\r\n",
    b"X(Y): a\r\n",
    b"X-Escape: a\x1bb\r\n",
]


async def test_a_malformed_header_is_rejected(serve: Serve) -> None:
    port = await serve()
    for header in MALFORMED_HEADERS:
        await rejected(port, b"GET /api/ships/1 HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")


MALFORMED_LINES = [
    *(b"GET /api/ships HTTP/2.0", b"GET /api/ships HTTP/1.2", b"GET /api/ships HTTP/9.9", b"GET /api/ships HTTP/1.10"),
    *(b"GET /api/ships HTTP/1", b"GET /api/ships http/1.1", b"GET /api/ships", b"GET"),
    *(b"GET /api/ships HTTP/1.1 x", b"GET\t/api/ships\tHTTP/1.1", b"GET /api ships HTTP/1.1", b"\x16\x03\x01\x02"),
    *(b"FOO! /api/ships HTTP/1.1", b"G\xc3\x89T /api/ships HTTP/1.1", b"PRI * HTTP/2.0", b"GET /\0 HTTP/1.1"),
    *(b"GET api/ships HTTP/1.1", b"GET HTTP/1.1", b"/api/ships HTTP/1.1"),
]


async def test_a_malformed_request_line_or_an_unsupported_version_is_rejected(serve: Serve) -> None:
    port = await serve()
    for line in MALFORMED_LINES:
        async with connected(port) as connection:
            connection.send(line + b"\r\nHost: x\r\n\r\n" + NEW_SHIP)
            response = await connection.response()
        assert response.status in (400, 404, 405, 505), line
        assert response.json["request_id"] == response.headers["X-Request-ID"]
        assert await count(port) == 15, line


async def test_the_error_for_a_malformed_request_does_not_quote_it(serve: Serve) -> None:
    port = await serve()
    for line in (f"{TOKEN}\0", f"{TOKEN}: x\0y", f"{TOKEN[:13]} {TOKEN}", TOKEN + "x" * 9000, f"{TOKEN}\nX"):
        response = await rejected(port, request("GET /api/ships", line))
        assert response.json["message"] == "The request is malformed."
        assert TOKEN[-40:] not in f"{response}"


async def test_a_token_that_is_not_text_is_invalid(serve: Serve) -> None:
    port = await serve()
    for token in (b"\xff", b"\xff.\xff.\xff", "é.é.é".encode(), b"a.b.\xed\xa0\x80"):
        data = request("DELETE /auth/logout", "Authorization: Bearer HERE").replace(b"HERE", token)
        response = await ask(port, data)
        assert (response.status, response.json["error"]) == (401, "Token is invalid")
