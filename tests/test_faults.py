"""The faults, in small; `make test-faults` tries them at length."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import pytest

from tests.faults import full_disk, linearizability, outages, postgres_kills, power, sqlite_kills
from tests.faults.history import Did, Request, impossible


async def test_what_sqlite_acknowledged_outlives_a_kill_and_nothing_is_half_done() -> None:
    report = await sqlite_kills.run(10, longest_start=inf)
    assert report.violations == []


async def test_what_sqlite_acknowledged_outlives_a_loss_of_power_which_it_would_not_without_its_syncs() -> None:
    report = await power.run(25)
    assert report.violations == []


async def test_what_postgresql_acknowledged_outlives_a_kill_of_the_server() -> None:
    report = await postgres_kills.run(1, timed=False)
    assert report.violations == []


async def test_what_clients_see_of_a_kill_of_postgresql_is_503_until_it_is_back() -> None:
    report = await outages.run(1, timed=False)
    assert report.violations == []


async def test_a_full_disk_refuses_writes_as_a_whole_until_there_is_room() -> None:
    report = await full_disk.run()
    assert report.violations == []


async def test_requests_at_once_are_as_if_one_came_at_a_time_in_memory() -> None:
    report = await linearizability.in_memory(500)
    assert report.violations == []


async def test_requests_at_once_are_as_if_one_came_at_a_time_on_sqlite_while_it_is_killed() -> None:
    report = await linearizability.on_sqlite(500)
    assert report.violations == []


async def test_requests_at_once_are_as_if_one_came_at_a_time_on_two_instances_while_they_lose_connections(
    postgres_url: str,
) -> None:
    report = await linearizability.on_postgres(500, postgres_url)
    assert report.violations == []


MADE = Request(Did.ADD, 0, 1, 1)

POSSIBLE = {
    "read after it was made": [MADE, Request(Did.READ, 2, 3, 1)],
    "read while it was replaced, before and after": [
        MADE,
        Request(Did.PUT, 2, 9, 2, expected=1),
        Request(Did.READ, 3, 4, 1),
        Request(Did.READ, 5, 6, 2),
    ],
    "replaced by what had no answer, or not": [
        MADE,
        Request(Did.PUT, 2, inf, 2),
        Request(Did.PUT, 3, inf, 3),
        Request(Did.READ, 4, 5, 1),
        Request(Did.READ, 6, 7, 3),
    ],
    "removed, then missing to all": [MADE, Request(Did.REMOVE, 2, 3), Request(Did.MISSING, 4, 5)],
    "two who expect the same: one is refused": [
        MADE,
        Request(Did.PUT, 2, 5, 2, expected=1),
        Request(Did.STALE, 3, 4, expected=1),
    ],
}

IMPOSSIBLE = {
    "an acknowledged write is lost": [MADE, Request(Did.PUT, 2, 3, 2), Request(Did.READ, 4, 5, 1)],
    "two who expect the same both replace it": [
        MADE,
        Request(Did.PUT, 2, 5, 2, expected=1),
        Request(Did.PUT, 3, 4, 3, expected=1),
    ],
    "what was read is read no more": [
        MADE,
        Request(Did.PUT, 2, 9, 2),
        Request(Did.READ, 3, 4, 2),
        Request(Did.READ, 5, 6, 1),
    ],
    "removed, and there again": [MADE, Request(Did.REMOVE, 2, 3), Request(Did.READ, 4, 5, 1)],
    "refused, although it was as expected": [MADE, Request(Did.STALE, 2, 3, expected=1)],
    "missing, although it is there": [MADE, Request(Did.MISSING, 2, 3)],
    "read, although nobody wrote it": [MADE, Request(Did.READ, 2, 3, 7)],
}


@pytest.mark.parametrize("history", POSSIBLE.values(), ids=POSSIBLE)
def test_a_history_that_an_order_explains_is_possible(history: Sequence[Request]) -> None:
    assert impossible(history) == []


@pytest.mark.parametrize("history", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_history_that_no_order_explains_is_impossible_at_its_last_answer(history: Sequence[Request]) -> None:
    assert history[-1] in impossible(history) or history[-2] in impossible(history)
