"""Asking the service as a client does: who asks, what is asked for, what a refusal says."""

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
"""The ship that the example adds."""


def bearer(client: Client, user: int = 1, *, type: str = "access") -> dict[str, str]:
    """The headers of a user who logged in; no password is hashed for it."""
    return {"Authorization": f"Bearer {getattr(client.app[TOKENS].pair(user), type)}"}


async def error_body(answer: ClientResponse) -> Json:
    """What a refusal says, without its request id; and that it has the one shape."""
    body: Json = await answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert body.pop("request_id") == answer.headers["X-Request-ID"]
    assert body.keys() <= {"error", "message", "code"}, body
    assert re.fullmatch("[a-z][a-z0-9_]*", body["code"]), body
    return body


async def status_and_message(answer: ClientResponse) -> tuple[int, Any]:
    """The status of a refusal and its message; where it has none, its error."""
    body = await error_body(answer)
    return answer.status, body.get("message", body["error"])
