"""Helpers for tests that send requests: an example ship, the headers of a user, the body of an error response."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from service.auth.app_keys import TOKENS

Client = TestClient[web.Request, web.Application]
Json = dict[str, Any]

SHIP: Json = {
    "affiliation": "Empire",
    "category": "Capital Ships",
    "crew": 37085,
    "length": 1600,
    "manufacturer": "Kuat Drive Yards",
    "model": "Imperial I-class Star Destroyer",
    "roles": ["Destroyer", "Carrier", "Military Transport", "Command Ship"],
    "ship_class": "Star Destroyer",
}
"""A valid ship without an id."""


def bearer(client: Client, user: int = 1, *, type: str = "access") -> dict[str, str]:
    """Return the Authorization header of a user, with a token created without logging in."""
    return {"Authorization": f"Bearer {getattr(client.app[TOKENS].pair(user), type)}"}


async def error_body(response: ClientResponse) -> Json:
    """Return the body of an error response without its request id, after checking its format."""
    body: Json = await response.json()
    assert response.headers["Content-Type"] == "application/json"
    assert body.pop("request_id") == response.headers["X-Request-ID"]
    assert body.keys() <= {"error", "message", "code"}, body
    assert re.fullmatch("[a-z][a-z0-9_]*", body["code"]), body
    return body


async def status_and_message(response: ClientResponse) -> tuple[int, Any]:
    """Return the status of an error response, and its message or, without one, its error."""
    body = await error_body(response)
    return response.status, body.get("message", body["error"])
