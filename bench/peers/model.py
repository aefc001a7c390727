"""The ship in pydantic: every field required, whole numbers from 1, nothing unknown."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

Count = Annotated[StrictInt, Field(ge=1, le=2**53 - 1)]


class ShipFields(BaseModel):
    """What a client may write."""

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
    """What a client reads."""

    id: int


class Login(BaseModel):
    """A login."""

    username: str
    password: str
