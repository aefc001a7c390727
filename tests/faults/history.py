"""A history of requests for one record, and whether the record can have been one (Herlihy and Wing: linearizable)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf

NEW = "not made yet"
GONE = "removed"
State = int | str
"""The value that a record has, or NEW, or GONE."""


class Did(Enum):
    """What a request did to the record, as its answer says."""

    READ = "read"
    ADD = "add"
    PUT = "put"
    REMOVE = "remove"
    MISSING = "found none"
    STALE = "found another than expected"


@dataclass(frozen=True, eq=False)
class Request:
    """One request for one record.

    called, returned: its place among all calls and returns; returned is inf where the answer was lost: then it did what
    it says at any time after its call, or nothing. value: what it read or wrote; no two writes write the same.
    expected: the value that it was to replace, remove or not find; None for any.
    """

    did: Did
    called: int
    returned: float
    value: int | None = None
    expected: int | None = None

    def on(self, state: State) -> State | None:
        """What the record is after it; None if this cannot be its answer to a record in this state."""
        there = isinstance(state, int)
        fits = there and self.expected in (None, state)
        match self.did:
            case Did.READ:
                return state if state == self.value else None
            case Did.ADD:
                return self.value if state == NEW else None
            case Did.PUT:
                return self.value if fits else None
            case Did.REMOVE:
                return GONE if fits else None
            case Did.MISSING:
                return None if there else state
            case Did.STALE:
                return state if there and not fits else None


Possible = tuple[State, frozenset[Request]]
"""A state that the record may be in, and the requests that came to it before their return."""


def impossible(requests: Sequence[Request]) -> list[Request]:
    """The requests under way at the first answer that no order of all before explains; none if there is no such.

    At each return, all states are kept that the record can then be in (Wing and Gong; Lowe's just-in-time form).
    """
    possible: set[Possible] = {(NEW, frozenset())}
    running: set[Request] = set()
    for request, returns in _events(requests):
        if not returns:
            running.add(request)
            continue
        possible = set(_with(request, possible, running))
        if not possible:
            return sorted(running, key=lambda each: each.called)
        running.remove(request)
    return []


def _events(requests: Iterable[Request]) -> Iterator[tuple[Request, bool]]:
    """The calls and, True, the returns, in their order."""
    calls = [(request.called, request, False) for request in requests]
    returns = [(request.returned, request, True) for request in requests if request.returned != inf]
    for _, request, is_return in sorted([*calls, *returns], key=lambda event: event[0]):
        yield request, is_return


def _with(request: Request, possible: set[Possible], running: set[Request]) -> Iterator[Possible]:
    """All that is possible once this request has been done, whatever others were before."""
    seen, left = set(possible), list(possible)
    while left:
        state, done = left.pop()
        if request in done:
            yield state, done - {request}
            continue
        for other in running - done:
            after = other.on(state)
            if after is not None and (reached := (after, done | {other})) not in seen:
                seen.add(reached)
                left.append(reached)
