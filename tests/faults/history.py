"""Check that a history of concurrent requests for one record is linearizable (Herlihy and Wing, 1990)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf

NOT_CREATED = "not created"
REMOVED = "removed"
State = int | str
"""The value of a record, or NOT_CREATED, or REMOVED."""


class Effect(Enum):
    """The effect of a request on the record, according to its response."""

    READ = "read"
    ADDED = "added"
    REPLACED = "replaced"
    REMOVED = "removed"
    NOT_FOUND = "not found"
    MISMATCH = "revision mismatch"


@dataclass(frozen=True, eq=False)
class Request:
    """One request for one record.

    called, returned: the places of its call and of its response in the order of all calls and responses. `returned` is
    inf if there was no response: the request then had its effect at any time after the call, or not at all.
    value: the value that it read or wrote; no two requests write the same value.
    expected: the value of the revision that the request required (If-Match); None if it required none.
    """

    effect: Effect
    called: int
    returned: float
    value: int | None = None
    expected: int | None = None

    def applied_to(self, state: State) -> State | None:
        """Return the state after the request, or None if a record in this state does not allow its effect."""
        exists = isinstance(state, int)
        matches = exists and self.expected in (None, state)
        match self.effect:
            case Effect.READ:
                return state if state == self.value else None
            case Effect.ADDED:
                return self.value if state == NOT_CREATED else None
            case Effect.REPLACED:
                return self.value if matches else None
            case Effect.REMOVED:
                return REMOVED if matches else None
            case Effect.NOT_FOUND:
                return None if exists else state
            case Effect.MISMATCH:
                return state if exists and not matches else None


Configuration = tuple[State, frozenset[Request]]
"""A possible state of the record, and the requests that have had their effect before their response."""


def violation(requests: Sequence[Request]) -> list[Request]:
    """Return an empty list if the history is linearizable, else the requests in progress at the first violation.

    Keeps all configurations that are possible after each response (Wing and Gong, 1993; Lowe's just-in-time variant).
    """
    configurations: set[Configuration] = {(NOT_CREATED, frozenset())}
    in_progress: set[Request] = set()
    for request, is_response in _events(requests):
        if not is_response:
            in_progress.add(request)
            continue
        configurations = set(_after(request, configurations, in_progress))
        if not configurations:
            return sorted(in_progress, key=lambda each: each.called)
        in_progress.remove(request)
    return []


def _events(requests: Iterable[Request]) -> Iterator[tuple[Request, bool]]:
    """The calls (False) and responses (True) in their order."""
    calls = [(request.called, request, False) for request in requests]
    responses = [(request.returned, request, True) for request in requests if request.returned != inf]
    for _, request, is_response in sorted([*calls, *responses], key=lambda event: event[0]):
        yield request, is_response


def _after(request: Request, configurations: set[Configuration], in_progress: set[Request]) -> Iterator[Configuration]:
    """All configurations after the effect of a request, which any of the others in progress may precede."""
    seen, remaining = set(configurations), list(configurations)
    while remaining:
        state, done = remaining.pop()
        if request in done:
            yield state, done - {request}
            continue
        for other in in_progress - done:
            after = other.applied_to(state)
            if after is not None and (reached := (after, done | {other})) not in seen:
                seen.add(reached)
                remaining.append(reached)
