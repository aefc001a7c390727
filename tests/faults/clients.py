"""Clients that concurrently read, add, replace and remove a few ships, and record the history of each ship."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from math import inf
from typing import Any, NamedTuple

import aiohttp
from tqdm import tqdm

from tests.faults.history import Effect, Request
from tests.faults.service import Service, log_in
from tests.support.requests import SHIP

_CLIENTS = 8
_SHIPS = 5
_METHOD_WEIGHTS = {"GET": 50, "PUT": 45, "DELETE": 5}  # and a POST if the ship does not exist
_UNCONDITIONAL = 0.1  # of the PUTs and DELETEs
_PAUSE_SECONDS = 0.02  # before the next request to a service that is down
_EFFECTS = {
    ("GET", 200): Effect.READ,
    ("POST", 201): Effect.ADDED,
    ("PUT", 200): Effect.REPLACED,
    ("DELETE", 204): Effect.REMOVED,
    **{(method, 404): Effect.NOT_FOUND for method in ("GET", "PUT", "DELETE")},
    **{(method, 412): Effect.MISMATCH for method in ("PUT", "DELETE")},
}
_INTENDED_EFFECTS = {"PUT": Effect.REPLACED, "DELETE": Effect.REMOVED}


class Call(NamedTuple):
    """A request to send: `value` is the crew in its body, `etag` its If-Match header."""

    method: str
    id: int | None
    called: int
    value: int | None
    etag: str | None


class Clients:
    """The clients and what they know about the ships.

    histories: the requests for each ship, by id.
    violations: responses that are wrong in any history.
    lost, unavailable: the numbers of requests without a response, and with a 503.
    slowest: the longest time until such a 503, in seconds.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self.histories: dict[int, list[Request]] = defaultdict(list)
        self.violations: list[str] = []
        self.lost = 0
        self.unavailable = 0
        self.slowest = 0.0
        self._services = services
        self._ships: list[int | None] = [None] * _SHIPS
        self._etags: dict[int | None, str] = {}
        self._values: dict[tuple[int | None, str | None], int] = {}
        self._clock = count()
        self._remaining = 0.0

    async def run(self, title: str, requests: float = inf) -> None:
        """Send requests until so many got a response, or until `stop`; then read each ship once more."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
            # A retry by the session could get a 412 because of the effect of the first attempt.
            session._retry_connection = False
            session.headers.update(await log_in(session, self._services[0]))
            self._remaining = requests
            with tqdm(total=None if requests == inf else requests, desc=title, leave=False) as bar:
                services = [self._services[number % len(self._services)] for number in range(_CLIENTS)]
                await asyncio.gather(*(self._send_requests(session, service, bar) for service in services))
            for id in list(self.histories):
                result = None
                while result is None:
                    result = await self._send(session, self._services[0], self._call("GET", id))

    def stop(self) -> None:
        """Make the clients send no more requests."""
        self._remaining = 0

    async def _send_requests(self, session: aiohttp.ClientSession, service: Service, bar: tqdm[Any]) -> None:
        while self._remaining > 0:
            place = random.randrange(_SHIPS)
            id = self._ships[place]
            method = "POST" if id is None else random.choices(list(_METHOD_WEIGHTS), list(_METHOD_WEIGHTS.values()))[0]
            result = await self._send(session, service, self._call(method, id))
            if result is None:
                continue
            bar.update()
            self._remaining -= 1
            if self._ships[place] == id:
                self._ships[place] = result if result in self._etags else None

    def _call(self, method: str, id: int | None) -> Call:
        called = next(self._clock)
        etag = self._etags.get(id) if method in _INTENDED_EFFECTS and random.random() > _UNCONDITIONAL else None
        # The clock gives each write a different value, which must be at least 1.
        return Call(method, id, called, called + 1 if method in ("POST", "PUT") else None, etag)

    async def _send(self, session: aiohttp.ClientSession, service: Service, call: Call) -> int | None:
        """Send a request and record its effect; return the id of the ship if the effect is known."""
        url = f"{service.url}/api/ships" + ("" if call.id is None else f"/{call.id}")
        body = None if call.value is None else {**SHIP, "crew": call.value}
        headers = {} if call.etag is None else {"If-Match": call.etag}
        started = time.monotonic()
        try:
            async with session.request(call.method, url, json=body, headers=headers) as response:
                content = await response.json() if await response.read() else {}
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(_PAUSE_SECONDS)
            return None  # the request was not sent
        except (aiohttp.ClientError, ConnectionError):
            self.lost += 1
            self._record(call, _INTENDED_EFFECTS.get(call.method), inf, call.value)
            return None
        if response.status == 503:
            self.slowest = max(self.slowest, time.monotonic() - started)
            self._process_unavailable(call, response, content)
            return None
        return self._process(call, response, content)

    def _process_unavailable(self, call: Call, response: aiohttp.ClientResponse, content: dict[str, Any]) -> None:
        self.unavailable += 1
        if "Retry-After" not in response.headers:
            self.violations.append("503 without Retry-After")
        if "unknown" in content["message"]:  # whether it was committed
            self._record(call, _INTENDED_EFFECTS.get(call.method), inf, call.value)

    def _process(self, call: Call, response: aiohttp.ClientResponse, content: dict[str, Any]) -> int | None:
        effect = _EFFECTS.get((call.method, response.status))
        if effect is None:
            self.violations.append(f"{call} has the response {response.status} {content}")
            return None
        id, value = call.id, None
        if effect in (Effect.READ, Effect.ADDED, Effect.REPLACED):
            id, value = content["id"], content["crew"]
            self._check_etag(call._replace(id=id), response.headers["ETag"], value)
        elif effect in (Effect.NOT_FOUND, Effect.REMOVED):
            self._etags.pop(id, None)
        self._record(call._replace(id=id), effect, next(self._clock), value)
        return id

    def _check_etag(self, call: Call, etag: str, value: int) -> None:
        """Check that an ETag always has the same value, and that a write returns the value that was sent."""
        if self._values.setdefault((call.id, etag), value) != value or call.value not in (None, value):
            self.violations.append(f"{call} has a response with the value {value} and the ETag {etag}")
        self._etags[call.id] = etag

    def _record(self, call: Call, effect: Effect | None, returned: float, value: int | None) -> None:
        if effect is not None and call.id is not None:
            expected = self._values.get((call.id, call.etag))
            self.histories[call.id].append(Request(effect, call.called, returned, value, expected))
