"""Compiled validation accepts only what marshmallow loads unchanged."""

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


def loaded(schema: Schema, document: Any) -> Any:
    """Return the document after loading and dumping it; None if it is invalid."""
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
def test_an_accepted_document_is_one_that_marshmallow_loads_unchanged(document: dict[str, Any]) -> None:
    accepts = compile_schema(ShipSchema())
    assert accepts is not None
    if accepts(document):
        assert loaded(ShipSchema(), document) == document


def test_a_valid_ship_is_accepted() -> None:
    accepts = compile_schema(ShipSchema())
    assert accepts is not None
    assert accepts(SHIP)


@pytest.mark.parametrize("name", [*SHIP])
def test_a_ship_without_one_of_its_fields_is_not_accepted(name: str) -> None:
    accepts = compile_schema(ShipSchema())
    assert accepts is not None
    assert not accepts({key: value for key, value in SHIP.items() if key != name})


def test_a_schema_with_custom_validators_is_not_compiled() -> None:
    assert compile_schema(UserSchema()) is None


class Plain(Schema):
    """A schema with supported fields and options only."""

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


def unsupported(**members: Any) -> type[Schema]:
    """Return a subclass of Plain with these members."""
    return type("Unsupported", (Plain,), members)


@pytest.mark.parametrize(
    "schema",
    [
        unsupported(hook=pre_load(lambda self, data, **_: {})),
        unsupported(hook=post_load(lambda self, data, **_: {})),
        unsupported(hook=validates_schema(lambda self, data, **_: None)),
        unsupported(get_attribute=lambda self, obj, attr, default: 1),
        unsupported(more=fields.Float()),
        unsupported(more=fields.String(allow_none=True)),
        unsupported(more=fields.String(load_default="x")),
        unsupported(more=fields.String(data_key="else")),
        unsupported(more=fields.String(attribute="else")),
        unsupported(more=fields.Integer()),
        unsupported(more=fields.Integer(strict=True, as_string=True)),
        unsupported(more=fields.String(validate=Length(equal=3))),
        unsupported(more=fields.Integer(strict=True, validate=Range(min=1, min_inclusive=False))),
        unsupported(more=fields.List(fields.DateTime())),
    ],
)
def test_a_schema_with_unsupported_members_or_fields_is_not_compiled(schema: type[Schema]) -> None:
    assert compile_schema(schema()) is None


class Lenient(Plain):
    """Ignores unknown fields."""

    class Meta:
        unknown: ClassVar[str] = EXCLUDE


@pytest.mark.parametrize("schema", [Lenient(), Plain(many=True), Plain(partial=True)])
def test_a_schema_with_options_is_not_compiled(schema: Schema) -> None:
    assert compile_schema(schema) is None
