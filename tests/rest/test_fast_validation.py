"""Compiled validation says yes only where marshmallow does, and only to what it would not change."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validates_schema
from marshmallow.validate import Length, Range

from plugins.ships import ShipSchema
from plugins.users import UserSchema
from service.rest.fast_validation import compile_schema
from service.rest.fields import Line

SHIP: dict[str, Any] = {
    "affiliation": "Empire",
    "category": "Transports",
    "crew": 5,
    "length": 38,
    "manufacturer": "Sienar Fleet Systems",
    "model": "Sentinel",
    "roles": ["Transport"],
    "ship_class": "Shuttle",
}
TEXTS = st.one_of(st.text(max_size=4), st.sampled_from(["", " ", "a" * 200, "a" * 201, "\x7f", "é", "\u200b", "a\nb"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.just(2**53), st.just(2**53 - 1), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=34), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=3,
)
DOCUMENTS = st.builds(
    lambda changes, dropped: {k: v for k, v in {**SHIP, **changes}.items() if k not in dropped},
    st.dictionaries(st.sampled_from([*SHIP, "id", "more"]), VALUES, max_size=3),
    st.sets(st.sampled_from([*SHIP]), max_size=1),
)


def verdict(schema: Schema, document: Any) -> Any:
    try:
        return schema.dump(schema.load(document))
    except ValidationError:
        return None


@given(DOCUMENTS)
@example(SHIP)
@example({**SHIP, "crew": True})
@example({**SHIP, "crew": 1.0})
@example({**SHIP, "roles": []})
@settings(max_examples=300, deadline=None)
def test_what_is_accepted_is_what_marshmallow_loads_unchanged(document: dict[str, Any]) -> None:
    accepts = compile_schema(ShipSchema())
    assert accepts is not None
    if accepts(document):
        assert verdict(ShipSchema(), document) == document


def test_an_ordinary_ship_is_accepted() -> None:
    accepts = compile_schema(ShipSchema())
    assert accepts is not None
    assert accepts(SHIP)


@pytest.mark.parametrize("name", [*SHIP])
def test_a_ship_without_one_of_its_fields_is_not(name: str) -> None:
    accepts = compile_schema(ShipSchema())
    assert accepts is not None
    assert not accepts({key: value for key, value in SHIP.items() if key != name})


def test_a_schema_with_a_validator_of_its_own_is_left_to_marshmallow() -> None:
    assert compile_schema(UserSchema()) is None


class Plain(Schema):
    """As plain as can be."""

    text = fields.String(required=True)
    number = fields.Integer(strict=True, validate=Range(min=1))
    lines = fields.List(Line(), validate=Length(max=2))


def test_a_plain_schema_is_compiled() -> None:
    accepts = compile_schema(Plain())
    assert accepts is not None
    assert accepts({"text": "a", "lines": ["b"]})
    assert not accepts({"text": "a", "lines": ["b", "c", "d"]})
    assert not accepts({"text": "a", "number": 0})
    assert not accepts({"text": 1})


def odd(**members: Any) -> type[Schema]:
    return type("Odd", (Plain,), members)


@pytest.mark.parametrize(
    "schema",
    [
        odd(hook=pre_load(lambda self, data, **_: {})),
        odd(hook=post_load(lambda self, data, **_: {})),
        odd(hook=validates_schema(lambda self, data, **_: None)),
        odd(get_attribute=lambda self, obj, attr, default: 1),
        odd(more=fields.Float()),
        odd(more=fields.String(allow_none=True)),
        odd(more=fields.String(load_default="x")),
        odd(more=fields.String(data_key="else")),
        odd(more=fields.String(attribute="else")),
        odd(more=fields.Integer()),
        odd(more=fields.Integer(strict=True, as_string=True)),
        odd(more=fields.String(validate=Length(equal=3))),
        odd(more=fields.Integer(strict=True, validate=Range(min=1, min_inclusive=False))),
        odd(more=fields.List(fields.DateTime())),
    ],
)
def test_what_is_not_plain_is_left_to_marshmallow(schema: type[Schema]) -> None:
    assert compile_schema(schema()) is None


class Lenient(Plain):
    """Drops what it does not know."""

    class Meta:
        unknown: ClassVar[str] = EXCLUDE


@pytest.mark.parametrize("schema", [Lenient(), Plain(many=True), Plain(partial=True)])
def test_a_schema_with_options_is_left_to_marshmallow(schema: Schema) -> None:
    assert compile_schema(schema) is None
