"""Generated examples are valid for the schema that they were generated from."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from aiohttp import web
from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from service.openapi.decorators import request_schema
from tests.support import openapi_routes
from tests.support.openapi_routes import undocumented


class Side(Enum):
    LIGHT = "light"
    DARK = "dark"


class EngineSchema(Schema):
    power = fields.Float(required=True, validate=Range(min=2.5))
    spare = fields.Nested(lambda: EngineSchema(), allow_none=True)


FIELDS = [
    fields.String(),
    fields.String(validate=Length(min=12)),
    fields.String(validate=Length(max=3)),
    fields.String(validate=Length(equal=7)),
    fields.String(validate=OneOf(["red", "green"])),
    fields.String(validate=Regexp(r"^[0-9]+$")),
    fields.String(allow_none=True),
    fields.String(metadata={"examples": ["Falcon"]}),
    fields.Integer(strict=True),
    fields.Integer(strict=True, validate=Range(5, 9)),
    fields.Integer(strict=True, validate=Range(max=-3)),
    fields.Float(validate=Range(min=0.5)),
    fields.Decimal(),
    fields.Boolean(),
    fields.Email(),
    fields.URL(),
    fields.UUID(),
    fields.IP(),
    fields.IPv4(),
    fields.IPv6(),
    fields.Date(),
    fields.DateTime(),
    fields.Enum(Side, by_value=True),
    fields.Constant("always"),
    fields.Raw(),
    fields.Dict(),
    fields.Dict(keys=fields.String(), values=fields.Integer()),
    fields.List(fields.String(validate=Length(min=4)), validate=Length(min=2)),
    fields.Nested(EngineSchema),
    fields.List(fields.Nested(EngineSchema)),
    fields.Nested(EngineSchema, allow_none=True),
]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: type(field).__name__)
def test_a_generated_example_is_valid(field: fields.Field[Any]) -> None:
    schema = Schema.from_dict({"value": field})()
    handler = request_schema(schema)(undocumented())
    operation = openapi_routes.document(web.post("/x", handler))["paths"]["/x"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert "value" in example or isinstance(field, fields.Raw)
    schema.load(example)
