"""Which texts are JSON to us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.errors import HTTPError
from service.http.strict_json import LARGEST, parse
from tests.support.json_texts import bad, good
from tests.support.requests import Client, bearer

MakeClient = Callable[..., Awaitable[Client]]

GOOD, BAD = [*dict.fromkeys(good())], [*dict.fromkeys(bad())]


def shown(text: bytes) -> str:
    return f"{text[:30]!r}({len(text)})"


@pytest.mark.parametrize("text", GOOD, ids=shown)
def test_what_the_grammar_makes_is_json(text: bytes) -> None:
    parse(text)


@pytest.mark.parametrize("text", BAD, ids=shown)
def test_what_breaks_a_rule_is_no_json(text: bytes) -> None:
    with pytest.raises(HTTPError) as caught:
        parse(text)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_beyond_all_reason_is_no_danger(opening: bytes) -> None:
    with pytest.raises(HTTPError):
        parse(opening * 900_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"9007199254740991", LARGEST),
        (b"-9007199254740991", -LARGEST),
        (b'"9007199254740993"', "9007199254740993"),
        (b'["12345678901234567890", 12]', ["12345678901234567890", 12]),
        (b"0.12345678901234567", 0.12345678901234567),
        (b"12345678901234567.5", 12345678901234567.5),
        ('"e\u0301"'.encode(), "e\u0301"),
        (b'"\\u00e9\\/"', "é/"),
        (b'{"a":1,"b":{"a":2}}', {"a": 1, "b": {"a": 2}}),
    ],
)
def test_a_value_comes_out_as_it_was_written(text: bytes, value: Any) -> None:
    assert parse(text) == value
    assert type(parse(text)) is type(value)


WRITES = [
    ("POST", "/auth/login"),
    ("POST", "/api/users"),
    ("PUT", "/api/users/1"),
    ("PATCH", "/api/users/1"),
    ("POST", "/api/ships"),
    ("PUT", "/api/ships/1"),
    ("PATCH", "/api/ships/1"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_each_of_them_sent_to_a_writing_route_gets_an_answer_of_the_clients(
    make_client: MakeClient, method: str, path: str
) -> None:
    client = await make_client()
    headers = {**bearer(client), "Content-Type": "application/json"}

    async def code(text: bytes) -> str:
        answer = await client.request(method, path, data=text, headers=headers)
        assert answer.status in (200, 400), shown(text)
        return str((await answer.json()).get("code"))

    assert {await code(text) for text in BAD} == {"invalid_json"}
    assert {await code(text) for text in GOOD} <= {"validation_failed", "None"}
