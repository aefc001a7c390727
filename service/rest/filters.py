"""The filters of a schema's fields: `crew`, `crew_gte`, `model_like`, ... each with the type of its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from marshmallow import Schema, ValidationError, fields

from service.http.strict_json import MAX_INTEGER
from service.store.base import Field, Kind, Scalar

Test = Literal["eq", "ne", "gt", "gte", "lt", "lte", "like", "has"]
Parser = Callable[[str], Scalar]

RANGES: tuple[Test, ...] = ("gte", "lte", "gt", "lt")
TESTS: dict[Kind, tuple[Test, ...]] = {
    "number": ("eq", "ne", *RANGES),
    "text": ("eq", "ne", *RANGES, "like"),
    "boolean": ("eq", "ne"),
    "numbers": ("has",),
    "texts": ("has", "like"),
}
INTEGER = re.compile(r"-?[0-9]{1,16}")


class Filter(NamedTuple):
    """A filter of a list: the field, the test, and the parser of its values, which raises ValidationError."""

    field: Field
    test: Test
    read: Parser

    @property
    def repeatable(self) -> bool:
        """Whether the parameter may be repeated; a record then has to match one of the values."""
        return self.test not in RANGES

    @property
    def json_type(self) -> str:
        """The JSON Schema type of one value."""
        if self.read is _integer:
            return "integer"
        return {"number": "number", "numbers": "number", "boolean": "boolean"}.get(self.field.kind, "string")


def filters(schema: Schema) -> dict[str, Filter]:
    """Return every filter by its query parameter. A field named like another's filter takes precedence."""
    typed = list(typed_fields(schema))
    suffixed = {
        f"{field.name}_{test}": Filter(field, test, read)
        for field, read in typed
        for test in TESTS[field.kind]
        if test not in ("eq", "has")
    }
    return suffixed | {field.name: Filter(field, TESTS[field.kind][0], read) for field, read in typed}


def typed_fields(schema: Schema) -> Iterator[tuple[Field, Parser]]:
    """Return the fields that lists can test, with their kinds and parsers; write-only fields are left out."""
    yield Field("id", "number"), _integer
    for name, field in schema.fields.items():
        key = field.data_key or name
        inner, many = (field.inner, True) if isinstance(field, fields.List) else (field, False)
        if field.load_only or key == "id" or (typed := _typed(inner)) is None:
            continue
        kind, read = typed
        if not many:
            yield Field(key, kind), read
        elif kind != "boolean":
            yield Field(key, "numbers" if kind == "number" else "texts"), read


def _typed(field: fields.Field[Any]) -> tuple[Kind, Parser] | None:
    """Return the kind of a field's values in JSON, and their parser; None if lists cannot test it."""
    if isinstance(field, fields.Integer):
        return ("number", _integer)
    if isinstance(field, fields.Float):
        return ("number", _number)
    if isinstance(field, fields.Boolean):
        return ("boolean", field.deserialize)
    if isinstance(field, fields.DateTime | fields.Time | fields.Date | fields.UUID | fields.Enum):
        return ("text", _as_stored(field))
    return ("text", _text) if isinstance(field, fields.String) else None


def _integer(text: str) -> int:
    if INTEGER.fullmatch(text) is None or abs(int(text)) > MAX_INTEGER:
        raise ValidationError("Not a valid integer.")
    return int(text)


def _number(text: str) -> float:
    value = fields.Float().deserialize(text)
    if value is None or not text.isascii():
        raise ValidationError("Not a valid number.")
    return value


def _text(text: str) -> str:
    if "\0" in text:
        raise ValidationError("Not a valid string.")
    return text


def _as_stored(field: fields.Field[Any]) -> Parser:
    """Return a parser to the text that records have: 2026-01-02T03:04:05 for 2026-01-02 03:04:05."""
    one = Schema.from_dict({"value": field})()
    return lambda text: str(one.dump({"value": field.deserialize(text)})["value"])
