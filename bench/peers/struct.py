"""The ship in msgspec: all fields required, integers from 1, no unknown fields."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class ShipFields(msgspec.Struct, forbid_unknown_fields=True):
    """The fields that a client writes."""

    affiliation: str
    category: str
    crew: Count
    length: Count
    manufacturer: str
    model: str
    roles: list[str]
    ship_class: str


class Login(msgspec.Struct):
    """A login."""

    username: str
    password: str
