"""Responses of plugins that are not a JSONResponse: they have the default headers too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from service.http.response import DEFAULT_HEADERS
from tests.support.requests import Client

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]

PLUGIN = """
from aiohttp import web
from service import public

@public
async def stream(request):
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    for part in (b"one ", b"two"):
        await response.write(part)
    await response.write_eof()
    return response

@public
async def text(request):
    return web.Response(text="one two")

@public
async def custom(request):
    headers = {"Server": "other", "content-security-policy": "default-src 'self'", "Cache-Control": "max-age=60"}
    return web.Response(text="one two", headers=headers)

routes = [web.get("/stream", stream), web.get("/text", text), web.get("/custom", custom)]
"""
EXPECTED = {**DEFAULT_HEADERS, "Cache-Control": "no-store", "X-Request-ID": "id-1"}
OVERRIDDEN = {"Server": "other", "Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=60"}


@pytest.mark.parametrize(
    ("path", "expected"), [("/stream", EXPECTED), ("/text", EXPECTED), ("/custom", EXPECTED | OVERRIDDEN)]
)
async def test_a_response_of_a_plugin_has_the_default_headers_that_it_does_not_set(
    install: Install, make_client: MakeClient, path: str, expected: dict[str, str]
) -> None:
    install("responses", PLUGIN)
    client = await make_client()
    response = await client.get(path, headers={"X-Request-ID": "id-1"})
    assert (response.status, await response.text()) == (200, "one two")
    assert {name: response.headers.getall(name) for name in expected} == {
        name: [value] for name, value in expected.items()
    }
