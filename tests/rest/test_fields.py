"""The fields of a ship: accepted values, and the messages for invalid ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from yarl import URL

from service.http.strict_json import MAX_INTEGER, RANGE_TEXT
from tests.support.requests import SHIP, Client, bearer, error_body, status_and_message

MakeClient = Callable[..., Awaitable[Client]]

INTEGER, TOO_SMALL = "Not a valid integer.", "Must be greater than or equal to 1."
NOT_STRING, CONTROL, BLANK = "Not a valid string.", "Must not contain control characters.", "Must not be blank."
NULL = "Field may not be null."


@pytest.fixture
async def write(make_client: MakeClient) -> Callable[[bytes], Awaitable[tuple[int, Any]]]:
    """`await write(body)` sends a body with POST and with PUT and returns their common status and content."""
    client = await make_client()
    headers = {**bearer(client), "Content-Type": "application/json"}

    async def total() -> str:
        return (await client.get("/api/ships?_limit=1")).headers["X-Total-Count"]

    async def write(body: bytes) -> tuple[int, Any]:
        before = await total()
        added = await client.post("/api/ships", data=body, headers=headers)
        replaced = await client.put("/api/ships/1", data=body, headers=headers)
        if added.status == 201:
            assert replaced.status == 200
            return 201, {**await added.json(), "id": None}
        assert await status_and_message(added) == await status_and_message(replaced)
        assert await total() == before
        return await status_and_message(added)

    return write


Write = Callable[[bytes], Awaitable[tuple[int, Any]]]


def with_value(name: str, value: bytes) -> bytes:
    return orjson.dumps({**SHIP, name: "HERE"}).replace(b'"HERE"', value)


@pytest.mark.parametrize("name", ["crew", "length"])
async def test_a_number_is_an_integer_from_1_to_2_53_minus_1(write: Write, name: str) -> None:
    for number in (1, 2, 37_085, 2**31, 2**32, MAX_INTEGER):
        assert await write(with_value(name, b"%d" % number)) == (201, {"id": None, **SHIP, name: number})
    for text in (b"true", b"false", b"1.5", b'"7"', b'" 7 "', '"١"'.encode(), b'"1_0"', b"[1]", b"{}", b'""', b"[]"):
        assert await write(with_value(name, text)) == (400, {name: [INTEGER]}), text
    for text in (b"1.0", b"1e3", b"1E0", b"-0.0", b"1e308"):
        assert await write(with_value(name, text)) == (400, {name: [INTEGER]}), text
    for text in (b"0", b"-1", b"-0", b"-%d" % MAX_INTEGER):
        assert await write(with_value(name, text)) == (400, {name: [TOO_SMALL]}), text
    assert await write(with_value(name, b"null")) == (400, {name: [NULL]})
    for number in (MAX_INTEGER + 1, 2**63, 2**64, 10**400):
        assert await write(with_value(name, b"%d" % number)) == (400, {name: [RANGE_TEXT]}), number


VALID_TEXTS = [
    *("x", "x" * 200, "🚀" * 200, "🚀", "é", "e\u0301", "ﬁ", "שלום עולם", "مرحبا", "𝕏-𝕎𝕚𝕟𝕘", "a\u200bb", "\u2028x"),
    *(" leading and trailing ", "' OR 1=1 --", "%_\\", "{}", "$1", "\U0010ffff", "\ue000", "\ufeffx", "null", "<b>"),
]


async def test_every_store_returns_a_text_unchanged(client: Client) -> None:
    for text in VALID_TEXTS:
        added = await client.post("/api/ships", json={**SHIP, "model": text, "roles": [text]}, headers=bearer(client))
        assert added.status == 201, text
        ship = await (await client.get(URL(added.headers["Location"]).path)).json()
        assert (ship["model"], ship["roles"]) == (text, [text])


BLANKS = [" ", "\u00a0", "\u3000", "\u200b", "\u202e\u202c", "\ufeff", "\u2060\u2061", "\u0301", "\u2028", " \u200d"]


async def test_control_characters_and_blank_texts_are_rejected(write: Write) -> None:
    for code in (*range(1, 0x20), *range(0x7F, 0xA0)):
        assert await write(with_value("model", b'"a\\u%04xb"' % code)) == (400, {"model": [CONTROL]}), code
    for blank in BLANKS:
        assert await write(with_value("model", orjson.dumps(blank))) == (400, {"model": [BLANK]}), ascii(blank)


@pytest.mark.parametrize("name", ["affiliation", "category", "manufacturer", "model", "ship_class"])
async def test_a_text_is_a_string_of_1_to_200_characters(write: Write, name: str) -> None:
    for text in (b"1", b"true", b"[]", b'["x"]', b"{}", b"1.5"):
        assert await write(with_value(name, text)) == (400, {name: [NOT_STRING]}), text
    for text, message in (
        (b"null", [NULL]),
        (b'""', ["Shorter than minimum length 1.", BLANK]),
        (b'"\\u3000"', [BLANK]),
        (b'"a\\nb"', [CONTROL]),
        (b'"%b"' % (b"x" * 201), ["Longer than maximum length 200."]),
    ):
        assert await write(with_value(name, text)) == (400, {name: message}), text


async def test_roles_are_a_list_of_at_most_32_texts(write: Write) -> None:
    for roles in ([], ["x"], ["x"] * 32, ["a", "a"]):
        assert await write(orjson.dumps({**SHIP, "roles": roles})) == (201, {"id": None, **SHIP, "roles": roles})
    for text in (b'"abc"', b"1", b"{}", b"true"):
        assert await write(with_value("roles", text)) == (400, {"roles": ["Not a valid list."]}), text
    assert await write(with_value("roles", b"null")) == (400, {"roles": [NULL]})
    invalid: dict[bytes, dict[str, list[str]]] = {
        b"[null]": {"0": [NULL]},
        b'[["a"]]': {"0": [NOT_STRING]},
        b'["a", 1, {}]': {"1": [NOT_STRING], "2": [NOT_STRING]},
        b'["a", " "]': {"1": [BLANK]},
        b'["a\\u0085"]': {"0": [CONTROL]},
    }
    for text, texts in invalid.items():
        assert await write(with_value("roles", text)) == (400, {"roles": texts}), text
    too_many = orjson.dumps(["x"] * 33)
    assert await write(with_value("roles", too_many)) == (400, {"roles": ["Longer than maximum length 32."]})


async def test_every_field_is_required_and_each_missing_one_is_reported(write: Write) -> None:
    required = ["Missing data for required field."]
    assert await write(b"{}") == (400, dict.fromkeys(SHIP, required))
    for name in SHIP:
        document = {other: value for other, value in SHIP.items() if other != name}
        assert await write(orjson.dumps(document)) == (400, {name: required})


async def test_an_unknown_field_is_rejected(write: Write) -> None:
    for name in ("__proto__", "$ref", "constructor", "owner", "version", "", "Crew", "crew ", "🚀", "_id"):
        assert await write(orjson.dumps({**SHIP, name: {"admin": True}})) == (400, {name: ["Unknown field."]}), name


async def test_all_errors_are_reported_at_once(make_client: MakeClient) -> None:
    client = await make_client()
    document = {**SHIP, "crew": 0, "length": "7", "more": 1, "roles": [1]}
    del document["model"]
    response = await client.post("/api/ships", json=document, headers=bearer(client))
    message = {
        "crew": [TOO_SMALL],
        "length": [INTEGER],
        "model": ["Missing data for required field."],
        "more": ["Unknown field."],
        "roles": {"0": [NOT_STRING]},
    }
    expected = {"error": "Bad Request", "message": message, "code": "validation_failed"}
    assert (response.status, await error_body(response)) == (400, expected)
