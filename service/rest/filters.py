"""Which filters the fields of a schema give: `crew`, `crew_gte`, `model_like`, ... each with the type of its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from marshmallow import Schema, ValidationError, fields

from service.http.strict_json import LARGEST
from service.store.base import Field, Kind, Scalar

Test = Literal["eq", "ne", "gt", "gte", "lt", "lte", "like", "has"]
Reader = Callable[[str], Scalar]

RANGES: tuple[Test, ...] = ("gte", "lte", "gt", "lt")
TESTS: dict[Kind, tuple[Test, ...]] = {
    "number": ("eq", "ne", *RANGES),
    "text": ("eq", "ne", *RANGES, "like"),
    "boolean": ("eq", "ne"),
    "numbers": ("has",),
    "texts": ("has", "like"),
}
WHOLE = re.compile(r"-?[0-9]{1,16}")


class Parameter(NamedTuple):
    """A filter: the field it tests, the test, and how the text of a value is read (raises ValidationError)."""

    field: Field
    test: Test
    read: Reader

    @property
    def repeatable(self) -> bool:
        """Whether it may be given more than once, for any of several values."""
        return self.test not in RANGES

    @property
    def json_type(self) -> str:
        """The JSON Schema type of one value."""
        if self.read is _whole:
            return "integer"
        return {"number": "number", "numbers": "number", "boolean": "boolean"}.get(self.field.kind, "string")


def parameters(schema: Schema) -> dict[str, Parameter]:
    """Every filter by the name of its parameter. A field's own name beats another's with a suffix."""
    typed = list(typed_fields(schema))
    suffixed = {
        f"{field.name}_{test}": Parameter(field, test, read)
        for field, read in typed
        for test in TESTS[field.kind]
        if test not in ("eq", "has")
    }
    return suffixed | {field.name: Parameter(field, TESTS[field.kind][0], read) for field, read in typed}


def typed_fields(schema: Schema) -> Iterator[tuple[Field, Reader]]:
    """The fields that lists can test, with their kinds and readers; a write-only field is none of them."""
    yield Field("id", "number"), _whole
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


def _typed(field: fields.Field[Any]) -> tuple[Kind, Reader] | None:
    """The kind of a field's values in JSON, and the reader of one; None where lists cannot test it."""
    if isinstance(field, fields.Integer):
        return ("number", _whole)
    if isinstance(field, fields.Float):
        return ("number", _number)
    if isinstance(field, fields.Boolean):
        return ("boolean", field.deserialize)
    if isinstance(field, fields.DateTime | fields.Time | fields.Date | fields.UUID | fields.Enum):
        return ("text", _as_written(field))
    return ("text", _text) if isinstance(field, fields.String) else None


def _whole(text: str) -> int:
    if WHOLE.fullmatch(text) is None or abs(int(text)) > LARGEST:
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


def _as_written(field: fields.Field[Any]) -> Reader:
    """The text as a record has it: 2026-01-02T03:04:05 for 2026-01-02 03:04:05."""
    one = Schema.from_dict({"value": field})()
    return lambda text: str(one.dump({"value": field.deserialize(text)})["value"])
