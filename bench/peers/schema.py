"""The ship in marshmallow: all fields required, integers from 1, no unknown fields."""

from marshmallow import Schema
from marshmallow.fields import Integer, List, String
from marshmallow.validate import Range

COUNT = Range(min=1, max=2**53 - 1)


class ShipSchema(Schema):
    """A ship; the server assigns its id."""

    id = Integer(dump_only=True)
    affiliation = String(required=True)
    category = String(required=True)
    crew = Integer(required=True, strict=True, validate=COUNT)
    length = Integer(required=True, strict=True, validate=COUNT)
    manufacturer = String(required=True)
    model = String(required=True)
    roles = List(String(), required=True)
    ship_class = String(required=True)
