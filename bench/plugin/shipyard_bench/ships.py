"""The collection of the ships plugin, which also creates and seeds it."""

from marshmallow import Schema

from service import Collection, Field, Resource


class BenchShips(Resource):
    """Read access to ships; its routes are not registered."""

    path = "/bench/ships"
    collection = Collection("ships", indexed=(Field("affiliation", "text"), Field("category", "text")))
    schema = Schema


ships = BenchShips()
