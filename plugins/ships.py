"""Ships: anyone may read, users may change."""

from marshmallow import Schema
from marshmallow.fields import Integer, List
from marshmallow.validate import Length, Range

from service import Collection, Field, Line, Resource

MAX_INTEGER = 2**53 - 1


def positive_integer() -> Integer:
    """Return a field for integers from 1; 1.0, "1" and true are invalid."""
    return Integer(required=True, strict=True, validate=[Range(min=1), Range(max=MAX_INTEGER)])


class ShipSchema(Schema):
    """A ship."""

    id = Integer(dump_only=True, metadata={"example": 16})
    affiliation = Line(required=True, metadata={"example": "Empire"})
    category = Line(required=True, metadata={"example": "Capital Ships"})
    crew = positive_integer()
    length = positive_integer()
    manufacturer = Line(required=True, metadata={"example": "Kuat Drive Yards"})
    model = Line(required=True, metadata={"example": "Imperial I-class Star Destroyer"})
    roles = List(Line(metadata={"example": "Destroyer"}), required=True, validate=Length(max=32))
    ship_class = Line(required=True, metadata={"example": "Star Destroyer"})


class Ships(Resource):
    """Ships: anyone may read, users may change."""

    path = "/api/ships"
    collection = Collection("ships", indexed=(Field("affiliation", "text"), Field("category", "text")))
    schema = ShipSchema
    seeded = True


routes = Ships.routes()
