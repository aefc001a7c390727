"""The API documents under test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.support import openapi_routes
from tests.support.openapi_document import Json

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def document() -> Json:
    """Return the document of the example routes."""
    return openapi_routes.document()


@pytest.fixture
async def served(make_client: Callable[..., Awaitable[Client]]) -> Json:
    """Return the document that the service serves."""
    client = await make_client(docs=True)
    served: Json = await (await client.get("/api/docs/openapi.json")).json()
    return served


@pytest.fixture(params=["document", "served"])
def any_document(request: pytest.FixtureRequest) -> Json:
    """Return each of the two documents."""
    parametrized: Json = request.getfixturevalue(request.param)
    return parametrized
