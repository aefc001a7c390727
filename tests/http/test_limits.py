"""The limit of concurrent requests: further requests get a 503 at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests
from tests.support.raw_http import ask, connected, request

Serve = Callable[..., Awaitable[int]]

TOKEN = f"Authorization: Bearer {Tokens(settings_for_tests().jwt, SECRET).pair(1).access}"
INCOMPLETE = request("POST /api/ships", TOKEN, "Content-Type: application/json", "Content-Length: 9") + b"{"


@asynccontextmanager
async def pending_requests(port: int, count: int) -> AsyncIterator[None]:
    """Have `count` requests in progress, which wait for the rest of their bodies."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            connection = await stack.enter_async_context(connected(port))
            connection.send(INCOMPLETE)
            # Once a later request has its response, the one above is in progress.
            await ask(port, request("GET /nowhere"))
        yield


async def test_requests_over_the_limit_get_503_with_retry_after(serve: Serve) -> None:
    port = await serve(limits={"in_flight": 2})
    async with pending_requests(port, 2):
        for line in ("GET /api/ships", "POST /auth/login", "GET /nowhere"):
            response = await ask(port, request(line))
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            expected = {
                "error": "Service Unavailable",
                "message": "Too many requests at once.",
                "code": "service_unavailable",
            }
            assert response.json == {**expected, "request_id": response.headers["X-Request-ID"]}


async def test_a_request_counts_until_it_ends_successfully_or_not(serve: Serve) -> None:
    port = await serve(limits={"in_flight": 1})
    for line in ("GET /api/ships/1", "GET /nowhere", "TRACE /api/ships", "POST /api/ships", "DELETE /auth/logout"):
        assert (await ask(port, request(line))).status in (200, 401, 404, 405)
    for _ in range(3):
        async with pending_requests(port, 1):
            assert (await ask(port, request("GET /api/ships/1"))).status == 503
        async with asyncio.timeout(10):
            while (await ask(port, request("GET /api/ships/1"))).status == 503:
                pass


async def test_health_and_metrics_are_not_limited(serve: Serve) -> None:
    port = await serve(limits={"in_flight": 1})
    async with pending_requests(port, 1):
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert (await ask(port, request(f"GET {path}"))).status == 200, path
