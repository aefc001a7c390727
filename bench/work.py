"""The kinds of work: what is asked, and the one right answer to it."""

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
class Answer:
    """What came back: `value` is the JSON of the body."""

    status: int
    location: str | None
    value: Any


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of work, and what answers it.

    answer: the JSON of the right body; `fresh` are its members that differ from answer to answer.
    token: an access token comes with the request. match: so does an If-Match header.
    connections: how many ask at once; few for logins, since the others would only wait for the hashing.
    """

    name: str
    title: str
    method: str
    path: str
    answer: Any = None
    status: int = 200
    token: bool = False
    body: Mapping[str, Any] | None = None
    fresh: frozenset[str] = frozenset()
    match: str = ""
    connections: int = 64

    def request(self, token: str = "") -> bytes:
        """The bytes to send: the same ones when answers are checked and when they are measured."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        head = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
        head += [f"Authorization: Bearer {token}"] if self.token else []
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        head += [f"If-Match: {self.match}"] if self.match else []
        return "\r\n".join([*head, "", ""]).encode() + body

    def right(self, answer: Answer) -> bool:
        """Whether this is the answer."""
        same = answer.status == self.status and self._lasting(answer.value) == self._lasting(self.answer)
        return same and (self.status != 201 or (answer.location or "").endswith(f"{self.path}/{answer.value['id']}"))

    def _lasting(self, value: Any) -> Any:
        return {name: name in self.fresh or value[name] for name in value} if isinstance(value, dict) else value


ONE = Kind("one", "GET one ship", "GET", "/api/ships/1", SHIPS[0])
LIST = Kind("list", "GET the list of 15", "GET", "/api/ships", SHIPS)
TOKEN = Kind("token", "GET one with a token", "GET", "/bench/ships/1", SHIPS[0], token=True)
PUT = Kind("put", "PUT with a token", "PUT", "/api/ships/2", {"id": 2, **FIELDS}, token=True, body=FIELDS)
MATCH = replace(PUT, name="match", title="PUT with If-Match", match="*")
LOG_IN = Kind(
    "login",
    "Log in",
    "POST",
    "/auth/login",
    {"access_token": "a", "refresh_token": "b"},
    body=LOGIN,
    fresh=frozenset({"access_token", "refresh_token"}),
    connections=4,
)
POST = Kind(
    "post",
    "POST with a token",
    "POST",
    "/api/ships",
    {"id": 16, **FIELDS},
    201,
    token=True,
    body=FIELDS,
    fresh=frozenset({"id"}),
)
KINDS = (ONE, LIST, TOKEN, PUT, MATCH, LOG_IN, POST)
"""In the order of measuring: POST makes the list longer, so it comes last."""

REFUSED = (
    (replace(TOKEN, title="a missing token", token=False), {401, 403}),
    (replace(PUT, title="a text for a number", body=FIELDS | {"crew": "7"}), {400, 422}),
    (replace(PUT, title="a field too many", body=FIELDS | {"age": 1}), {400, 422}),
    (replace(PUT, title="fields too few", body={"crew": 1}), {400, 422}),
    (replace(LOG_IN, title="a wrong password", body=LOGIN | {"password": "wrong"}), {401}),
)
"""What every server but the floors must refuse, and how, so that nobody is fast by not looking."""


def ask(port: int, request: bytes) -> Answer:
    """Send a request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
    value = json.loads(body) if "json" in response.headers.get("Content-Type", "") else None
    return Answer(response.status, response.headers.get("Location"), value)
