"""The ship in pydantic: all fields required, integers from 1, no unknown fields."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

Count = Annotated[StrictInt, Field(ge=1, le=2**53 - 1)]


class ShipFields(BaseModel):
    """The fields that a client writes."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    affiliation: StrictStr
    category: StrictStr
    crew: Count
    length: Count
    manufacturer: StrictStr
    model: StrictStr
    roles: list[StrictStr]
    ship_class: StrictStr


class Ship(ShipFields):
    """A ship as clients read it."""

    id: int


class Login(BaseModel):
    """A login."""

    username: str
    password: str
