"""Error responses are bounded, and a list that is too long is rejected before its elements are validated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from service.errors import MAX_TEXTS
from service.rest.fields import Line
from tests.support.requests import SHIP, Client, bearer

MakeClient = Callable[..., Awaitable[Client]]


async def test_a_response_has_the_errors_of_at_most_20_fields(make_client: MakeClient) -> None:
    client = await make_client()
    document = {**SHIP, **{f"unknown{number}": 1 for number in range(2000)}}
    response = await client.post("/api/ships", json=document, headers=bearer(client))
    assert (response.status, len((await response.json())["message"])) == (400, MAX_TEXTS)
    response = await client.get("/api/ships?" + "&".join(f"x{number}=1" for number in range(500)))
    assert (response.status, len((await response.json())["message"])) == (400, MAX_TEXTS)


async def test_the_elements_of_a_list_that_is_too_long_are_not_validated(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await make_client()
    validated: list[object] = []
    deserialize = Line._deserialize

    def record(self: Line, value: object, *rest: object, **options: object) -> object:
        validated.append(value)
        return deserialize(self, value, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Line, "_deserialize", record)
    document = {**SHIP, "roles": [""] * 16_000}
    response = await client.post("/api/ships", json=document, headers=bearer(client))
    assert (response.status, (await response.json())["message"]) == (400, {"roles": ["Longer than maximum length 32."]})
    assert validated == []
