"""The ship in msgspec: every field required, whole numbers from 1, nothing unknown."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class ShipFields(msgspec.Struct, forbid_unknown_fields=True):
    """What a client may write."""

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
