"""Strict parsing of JSON: which texts are accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.errors import HTTPError
from service.http.strict_json import MAX_INTEGER, NUL_TEXT, RANGE_TEXT, parse_json
from tests.support.json_texts import bad, good, unstorable
from tests.support.requests import Client, bearer

MakeClient = Callable[..., Awaitable[Client]]

GOOD, BAD, UNSTORABLE = ([*dict.fromkeys(texts())] for texts in (good, bad, unstorable))


def text_id(text: bytes) -> str:
    return f"{text[:30]!r}({len(text)})"


@pytest.mark.parametrize("text", GOOD, ids=text_id)
def test_a_text_that_conforms_to_the_grammar_is_accepted(text: bytes) -> None:
    parse_json(text)


@pytest.mark.parametrize("text", BAD, ids=text_id)
def test_a_text_that_violates_the_grammar_is_rejected(text: bytes) -> None:
    with pytest.raises(HTTPError) as caught:
        parse_json(text)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@pytest.mark.parametrize("text", UNSTORABLE, ids=text_id)
def test_json_that_a_store_cannot_represent_is_a_validation_error(text: bytes) -> None:
    with pytest.raises(HTTPError) as caught:
        parse_json(text)
    assert (caught.value.status, caught.value.code) == (400, "validation_failed")


@pytest.mark.parametrize(
    "number", [b"9007199254740992", b"-9007199254740992", b"1e400", b"-1e400", b"9" * 20, b"9" * 400]
)
@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b'{"crew": %b}', ["crew"]),
        (b'{"a": {"b": [1, {"c": %b}]}, "d": "1e400"}', ["a", "b", 1, "c"]),
        (b"[1, %b]", [1]),
        (b"%b", ["_schema"]),
    ],
)
def test_the_error_names_the_field_of_a_number_out_of_range(text: bytes, path: list[Any], number: bytes) -> None:
    with pytest.raises(HTTPError) as caught:
        parse_json(text % number)
    message: Any = caught.value.message
    for name in path:
        assert [*message] == [name]
        message = message[name]
    assert message == [RANGE_TEXT]


def test_the_error_names_the_field_of_a_text_with_nul() -> None:
    with pytest.raises(HTTPError) as caught:
        parse_json(b'{"a": {"b": "\\u0000"}, "c\\u0000": 1, "d": "\\\\u0000"}')
    assert caught.value.message == {"a": {"b": [NUL_TEXT]}, "c\0": [NUL_TEXT]}


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_extreme_nesting_is_rejected(opening: bytes) -> None:
    with pytest.raises(HTTPError):
        parse_json(opening * 900_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"9007199254740991", MAX_INTEGER),
        (b"-9007199254740991", -MAX_INTEGER),
        (b'"9007199254740993"', "9007199254740993"),
        (b'["12345678901234567890", 12]', ["12345678901234567890", 12]),
        (b"0.12345678901234567", 0.12345678901234567),
        (b"12345678901234567.5", 12345678901234567.5),
        ('"e\u0301"'.encode(), "e\u0301"),
        (b'"\\u00e9\\/"', "é/"),
        (b'{"a":1,"b":{"a":2}}', {"a": 1, "b": {"a": 2}}),
    ],
)
def test_a_value_is_not_changed(text: bytes, value: Any) -> None:
    assert parse_json(text) == value
    assert type(parse_json(text)) is type(value)


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
async def test_every_write_route_returns_the_right_error_for_every_text(
    make_client: MakeClient, method: str, path: str
) -> None:
    client = await make_client()
    headers = {**bearer(client), "Content-Type": "application/json"}

    async def code(text: bytes) -> str:
        response = await client.request(method, path, data=text, headers=headers)
        assert response.status in (200, 400), text_id(text)
        return str((await response.json()).get("code"))

    assert {await code(text) for text in BAD} == {"invalid_json"}
    assert {await code(text) for text in UNSTORABLE} == {"validation_failed"}
    assert {await code(text) for text in GOOD} <= {"validation_failed", "None"}
