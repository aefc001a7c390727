"""The filter parameters that follow from the fields of a schema, and the parsing of their values."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, fields
from multidict import MultiDict

from service.errors import HTTPError
from service.rest.list_query import ListParameters


class OddSchema(Schema):
    """Fields whose names look like filters of other fields."""

    crew = fields.Integer()
    crew_gte = fields.String()
    q = fields.String()
    on = fields.Boolean()
    weight = fields.Float()
    day = fields.Date()
    hidden = fields.String(load_only=True)
    named = fields.String(data_key="called")
    flags = fields.List(fields.Integer())


def conditions(**params: str) -> list[tuple[Any, ...]]:
    listing = ListParameters(OddSchema()).read(MultiDict(params))
    return [(it.field.name, it.test, *it.values) for it in listing.query.where]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("crew_gte", "x", ("crew_gte", "eq", "x")),
        ("crew_gte_ne", "x", ("crew_gte", "ne", "x")),
        ("crew_lte", "7", ("crew", "lte", 7)),
        ("on", "true", ("on", "eq", True)),
        ("on_ne", "0", ("on", "ne", False)),
        ("weight", "1.5", ("weight", "eq", 1.5)),
        ("weight_lt", "-1e3", ("weight", "lt", -1000.0)),
        ("day_gte", "2026-01-02", ("day", "gte", "2026-01-02")),
        ("called_like", "x", ("called", "like", "x")),
        ("flags", "3", ("flags", "has", 3)),
    ],
)
def test_filters_follow_from_the_type_of_a_field_and_an_exact_name_takes_precedence_over_a_suffix(
    name: str, value: str, expected: Any
) -> None:
    assert conditions(**{name: value}) == [expected]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("crew", value)
            for value in ("abc", "", "1.0", "1e3", "true", " 1", "+1", "١", "1_0", "9007199254740992", "9" * 5000)
        ],
        *[("on", value) for value in ("maybe", "", "2")],
        *[("weight", value) for value in ("", "abc", "NaN", "Infinity", "-inf", "1e999", "١")],
        *[("day", value) for value in ("", "yesterday", "2026-13-01")],
        *[
            (name, "x")
            for name in ("hidden", "hidden_ne", "named", "named_like", "on_gte", "flags_gte", "crew_", "crew_eq")
        ],
        ("called", "a\0b"),
        ("flags", "x"),
    ],
)
def test_an_invalid_value_or_an_unknown_parameter_is_reported_under_its_name(name: str, value: str) -> None:
    with pytest.raises(HTTPError) as caught:
        conditions(**{name: value})
    assert (caught.value.status, caught.value.code) == (400, "invalid_parameters")
    assert isinstance(caught.value.message, dict)
    assert caught.value.message.keys() == {name}
