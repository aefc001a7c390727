"""Clients that read, add, replace and remove the same few ships at once, and write down the history of each ship."""

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

from tests.faults.history import Did, Request
from tests.faults.service import Service, log_in
from tests.support.requests import SHIP

_CLIENTS = 8
_SHIPS = 5
_METHODS = {"GET": 50, "PUT": 45, "DELETE": 5}  # how often; a POST where a ship is missing
_UNCONDITIONAL = 0.1  # of the PUTs and DELETEs
_PAUSE = 0.02  # seconds, before a service that is away is asked again
_DID = {
    ("GET", 200): Did.READ,
    ("POST", 201): Did.ADD,
    ("PUT", 200): Did.PUT,
    ("DELETE", 204): Did.REMOVE,
    **{(method, 404): Did.MISSING for method in ("GET", "PUT", "DELETE")},
    **{(method, 412): Did.STALE for method in ("PUT", "DELETE")},
}
_MEANT = {"PUT": Did.PUT, "DELETE": Did.REMOVE}


class Question(NamedTuple):
    """What a client asks: with `value` as the crew of the ship it sends, if the ship still has `tag`."""

    method: str
    id: int | None
    called: int
    value: int | None
    tag: str | None


class Fleet:
    """The ships, as the clients know them.

    histories: the requests for each ship, by its id. violations: answers that are wrong whatever came before.
    lost, refused: how many requests had no answer, or a 503; slowest: seconds that such a 503 took at most.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self.histories: dict[int, list[Request]] = defaultdict(list)
        self.violations: list[str] = []
        self.lost = 0
        self.refused = 0
        self.slowest = 0.0
        self._services = services
        self._ships: list[int | None] = [None] * _SHIPS
        self._tags: dict[int | None, str] = {}
        self._values: dict[tuple[int | None, str | None], int] = {}
        self._clock = count()
        self._left = 0.0

    async def sail(self, title: str, requests: float = inf) -> None:
        """Let the clients ask until so many were answered, or it is `enough`; at last each ship is read once more."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
            # Sent again by the session itself, a PUT would be refused for what it has done.
            session._retry_connection = False
            session.headers.update(await log_in(session, self._services[0]))
            self._left = requests
            with tqdm(total=None if requests == inf else requests, desc=title, leave=False) as bar:
                services = [self._services[number % len(self._services)] for number in range(_CLIENTS)]
                await asyncio.gather(*(self._ask(session, service, bar) for service in services))
            for id in list(self.histories):
                answered = None
                while answered is None:
                    answered = await self._answered(session, self._services[0], self._question("GET", id))

    def enough(self) -> None:
        """Let the clients ask nothing more."""
        self._left = 0

    async def _ask(self, session: aiohttp.ClientSession, service: Service, bar: tqdm[Any]) -> None:
        while self._left > 0:
            place = random.randrange(_SHIPS)
            id = self._ships[place]
            method = "POST" if id is None else random.choices(list(_METHODS), list(_METHODS.values()))[0]
            answered = await self._answered(session, service, self._question(method, id))
            if answered is None:
                continue
            bar.update()
            self._left -= 1
            if self._ships[place] == id:
                self._ships[place] = answered if answered in self._tags else None

    def _question(self, method: str, id: int | None) -> Question:
        called = next(self._clock)
        tag = self._tags.get(id) if method in _MEANT and random.random() > _UNCONDITIONAL else None
        # No two writes write the same, so the clock's reading does for a value; it must be from 1.
        return Question(method, id, called, called + 1 if method in ("POST", "PUT") else None, tag)

    async def _answered(self, session: aiohttp.ClientSession, service: Service, question: Question) -> int | None:
        """Ask, and write down what came of it; the id of the ship if the answer says what was done."""
        url = f"{service.url}/api/ships" + ("" if question.id is None else f"/{question.id}")
        sent = None if question.value is None else {**SHIP, "crew": question.value}
        headers = {} if question.tag is None else {"If-Match": question.tag}
        started = time.monotonic()
        try:
            async with session.request(question.method, url, json=sent, headers=headers) as answer:
                body = await answer.read()
                document = await answer.json() if body else {}
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(_PAUSE)
            return None  # nobody has heard it
        except (aiohttp.ClientError, ConnectionError):
            self.lost += 1
            self._write_down(question, _MEANT.get(question.method), inf, question.value)
            return None
        if answer.status == 503:
            self.slowest = max(self.slowest, time.monotonic() - started)
            self._refused(question, answer, document)
            return None
        return self._done(question, answer, document)

    def _refused(self, question: Question, answer: aiohttp.ClientResponse, document: dict[str, Any]) -> None:
        self.refused += 1
        if "Retry-After" not in answer.headers:
            self.violations.append("503 without Retry-After")
        if "outcome is unknown" in document["message"]:
            self._write_down(question, _MEANT.get(question.method), inf, question.value)

    def _done(self, question: Question, answer: aiohttp.ClientResponse, document: dict[str, Any]) -> int | None:
        did = _DID.get((question.method, answer.status))
        if did is None:
            self.violations.append(f"{question} is answered {answer.status} {document}")
            return None
        id, value = question.id, None
        if did in (Did.READ, Did.ADD, Did.PUT):
            id, value = document["id"], document["crew"]
            self._learn(question._replace(id=id), answer.headers["ETag"], value)
        elif did in (Did.MISSING, Did.REMOVE):
            self._tags.pop(id, None)
        self._write_down(question._replace(id=id), did, next(self._clock), value)
        return id

    def _learn(self, question: Question, tag: str, value: int) -> None:
        """What the tag of a ship stands for, which never changes; and that a ship has what was sent."""
        if self._values.setdefault((question.id, tag), value) != value or question.value not in (None, value):
            self.violations.append(f"{question} is answered {value} with the tag {tag}")
        self._tags[question.id] = tag

    def _write_down(self, question: Question, did: Did | None, returned: float, value: int | None) -> None:
        if did is not None and question.id is not None:
            expected = self._values.get((question.id, question.tag))
            self.histories[question.id].append(Request(did, question.called, returned, value, expected))
