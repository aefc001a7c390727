"""More requests at once than agreed: refused at once, and nobody else waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests
from tests.support.raw_http import ask, connected, request

Serve = Callable[..., Awaitable[int]]

TOKEN = f"Authorization: Bearer {Tokens(settings_for_tests().jwt, SECRET).pair(1).access}"
HALF = request("POST /api/ships", TOKEN, "Content-Type: application/json", "Content-Length: 9") + b"{"


@asynccontextmanager
async def occupied(port: int, places: int) -> AsyncIterator[None]:
    """While this is open, so many requests wait for the rest of their bodies."""
    async with AsyncExitStack() as stack:
        for _ in range(places):
            wire = await stack.enter_async_context(connected(port))
            wire.send(HALF)
            # An answer to somebody who came later: the request above is under way by now.
            await ask(port, request("GET /nowhere"))
        yield


async def test_a_full_service_says_so_and_when_to_come_back(serve: Serve) -> None:
    port = await serve(limits={"in_flight": 2})
    async with occupied(port, 2):
        for line in ("GET /api/ships", "POST /auth/login", "GET /nowhere"):
            answer = await ask(port, request(line))
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            said = {
                "error": "Service Unavailable",
                "message": "Too many requests at once.",
                "code": "service_unavailable",
            }
            assert answer.json == {**said, "request_id": answer.headers["X-Request-ID"]}


async def test_a_place_is_free_again_whatever_became_of_its_request(serve: Serve) -> None:
    port = await serve(limits={"in_flight": 1})
    for line in ("GET /api/ships/1", "GET /nowhere", "TRACE /api/ships", "POST /api/ships", "DELETE /auth/logout"):
        assert (await ask(port, request(line))).status in (200, 401, 404, 405)
    for _ in range(3):
        async with occupied(port, 1):
            assert (await ask(port, request("GET /api/ships/1"))).status == 503
        async with asyncio.timeout(10):
            while (await ask(port, request("GET /api/ships/1"))).status == 503:
                pass


async def test_health_and_metrics_answer_while_the_service_is_full(serve: Serve) -> None:
    port = await serve(limits={"in_flight": 1})
    async with occupied(port, 1):
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert (await ask(port, request(f"GET {path}"))).status == 200, path
