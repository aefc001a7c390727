"""The trials of tests/faults at small size; `make test-faults` runs them at full size."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import pytest

from tests.faults import full_disk, linearizability, outages, postgres_kills, power, sqlite_kills
from tests.faults.history import Effect, Request, violation


async def test_acknowledged_writes_to_sqlite_survive_kills_and_no_write_is_applied_partially() -> None:
    report = await sqlite_kills.run(10, max_start_seconds=inf)
    assert report.violations == []


async def test_acknowledged_writes_to_sqlite_survive_power_failures_and_would_not_without_syncs() -> None:
    report = await power.run(25)
    assert report.violations == []


async def test_acknowledged_writes_to_postgresql_survive_a_kill_of_the_server() -> None:
    report = await postgres_kills.run(1, timed=False)
    assert report.violations == []


async def test_clients_get_503_after_a_kill_of_postgresql_until_it_has_restarted() -> None:
    report = await outages.run(1, timed=False)
    assert report.violations == []


async def test_writes_to_a_full_disk_are_rejected_completely_until_there_is_space() -> None:
    report = await full_disk.run()
    assert report.violations == []


async def test_concurrent_requests_are_linearizable_in_memory() -> None:
    report = await linearizability.in_memory(500)
    assert report.violations == []


async def test_concurrent_requests_are_linearizable_on_sqlite_while_the_service_is_killed() -> None:
    report = await linearizability.on_sqlite(500)
    assert report.violations == []


async def test_concurrent_requests_are_linearizable_on_two_instances_that_lose_connections(
    postgres_url: str,
) -> None:
    report = await linearizability.on_postgres(500, postgres_url)
    assert report.violations == []


CREATED = Request(Effect.ADDED, 0, 1, 1)

LINEARIZABLE = {
    "read after it was created": [CREATED, Request(Effect.READ, 2, 3, 1)],
    "read while it was replaced, before and after": [
        CREATED,
        Request(Effect.REPLACED, 2, 9, 2, expected=1),
        Request(Effect.READ, 3, 4, 1),
        Request(Effect.READ, 5, 6, 2),
    ],
    "replaced by one of two requests without a response": [
        CREATED,
        Request(Effect.REPLACED, 2, inf, 2),
        Request(Effect.REPLACED, 3, inf, 3),
        Request(Effect.READ, 4, 5, 1),
        Request(Effect.READ, 6, 7, 3),
    ],
    "removed, then not found": [CREATED, Request(Effect.REMOVED, 2, 3), Request(Effect.NOT_FOUND, 4, 5)],
    "of two that expect the same revision, one is rejected": [
        CREATED,
        Request(Effect.REPLACED, 2, 5, 2, expected=1),
        Request(Effect.MISMATCH, 3, 4, expected=1),
    ],
}

NOT_LINEARIZABLE = {
    "an acknowledged write is lost": [CREATED, Request(Effect.REPLACED, 2, 3, 2), Request(Effect.READ, 4, 5, 1)],
    "two that expect the same revision both replace it": [
        CREATED,
        Request(Effect.REPLACED, 2, 5, 2, expected=1),
        Request(Effect.REPLACED, 3, 4, 3, expected=1),
    ],
    "an older value is read after a newer one": [
        CREATED,
        Request(Effect.REPLACED, 2, 9, 2),
        Request(Effect.READ, 3, 4, 2),
        Request(Effect.READ, 5, 6, 1),
    ],
    "read after it was removed": [CREATED, Request(Effect.REMOVED, 2, 3), Request(Effect.READ, 4, 5, 1)],
    "rejected although the revision matched": [CREATED, Request(Effect.MISMATCH, 2, 3, expected=1)],
    "not found although it exists": [CREATED, Request(Effect.NOT_FOUND, 2, 3)],
    "a value is read that was never written": [CREATED, Request(Effect.READ, 2, 3, 7)],
}


@pytest.mark.parametrize("history", LINEARIZABLE.values(), ids=LINEARIZABLE)
def test_a_linearizable_history_has_no_violation(history: Sequence[Request]) -> None:
    assert violation(history) == []


@pytest.mark.parametrize("history", NOT_LINEARIZABLE.values(), ids=NOT_LINEARIZABLE)
def test_the_violation_of_another_history_contains_its_last_requests(history: Sequence[Request]) -> None:
    assert history[-1] in violation(history) or history[-2] in violation(history)
