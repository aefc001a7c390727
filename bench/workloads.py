"""The workloads: a request each, and the response that is expected."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHIPS: list[dict[str, Any]] = json.loads((ROOT / "data.json").read_text())["ships"]
FIELDS = {name: value for name, value in SHIPS[1].items() if name != "id"} | {"crew": 2}
LOGIN = {"username": "user", "password": "password"}


@dataclass(frozen=True)
class Response:
    """A response that was received; `value` is its JSON."""

    status: int
    location: str | None
    value: Any


@dataclass(frozen=True, eq=False)
class Workload:
    """A request that is sent again and again.

    expected: the JSON of the response. varying: its members that differ from response to response.
    token: whether an access token is sent. body: the JSON to send. match: the If-Match header, if any.
    connections: how many send the request at the same time; few for logins, which queue for the hashing anyway.
    """

    name: str
    title: str
    method: str
    path: str
    expected: Any = None
    status: int = 200
    token: bool = False
    body: Mapping[str, Any] | None = None
    varying: frozenset[str] = frozenset()
    match: str = ""
    connections: int = 64

    def request(self, token: str = "") -> bytes:
        """Return the bytes to send, the same for checking a server and for measuring it."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        head = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
        head += [f"Authorization: Bearer {token}"] if self.token else []
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        head += [f"If-Match: {self.match}"] if self.match else []
        return "\r\n".join([*head, "", ""]).encode() + body

    def accepts(self, response: Response) -> bool:
        """Return whether a response is the expected one."""
        same = response.status == self.status and self._constant(response.value) == self._constant(self.expected)
        location = response.location or ""
        return same and (self.status != 201 or location.endswith(f"{self.path}/{response.value['id']}"))

    def _constant(self, value: Any) -> Any:
        return {name: name in self.varying or value[name] for name in value} if isinstance(value, dict) else value


ONE = Workload("one", "GET one ship", "GET", "/api/ships/1", SHIPS[0])
LIST = Workload("list", "GET the list of 15", "GET", "/api/ships", SHIPS)
TOKEN = Workload("token", "GET one with a token", "GET", "/bench/ships/1", SHIPS[0], token=True)
PUT = Workload("put", "PUT with a token", "PUT", "/api/ships/2", {"id": 2, **FIELDS}, token=True, body=FIELDS)
MATCH = replace(PUT, name="match", title="PUT with If-Match", match="*")
LOG_IN = Workload(
    "login",
    "Log in",
    "POST",
    "/auth/login",
    {"access_token": "a", "refresh_token": "b"},
    body=LOGIN,
    varying=frozenset({"access_token", "refresh_token"}),
    connections=4,
)
POST = Workload(
    "post",
    "POST with a token",
    "POST",
    "/api/ships",
    {"id": 16, **FIELDS},
    201,
    token=True,
    body=FIELDS,
    varying=frozenset({"id"}),
)
WORKLOADS = (ONE, LIST, TOKEN, PUT, MATCH, LOG_IN, POST)
"""In the order of measuring: POST is last because it makes the list longer."""

INVALID = (
    (replace(TOKEN, title="a missing token", token=False), {401, 403}),
    (replace(PUT, title="a string for a number", body=FIELDS | {"crew": "7"}), {400, 422}),
    (replace(PUT, title="an unknown field", body=FIELDS | {"age": 1}), {400, 422}),
    (replace(PUT, title="missing fields", body={"crew": 1}), {400, 422}),
    (replace(LOG_IN, title="a wrong password", body=LOGIN | {"password": "wrong"}), {401}),
)
"""Requests that every server except the baselines must reject, and the statuses to reject them with.

No server can gain speed by leaving out validation or authentication.
"""


def send(port: int, request: bytes) -> Response:
    """Send a request on a new connection and return the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
    value = json.loads(body) if "json" in response.headers.get("Content-Type", "") else None
    return Response(response.status, response.headers.get("Location"), value)
