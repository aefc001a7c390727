"""The collection of the ships plugin, which alone keeps and seeds it."""

from marshmallow import Schema

from service import Collection, Field, Resource


class BenchShips(Resource):
    """Ships, without the routes."""

    path = "/bench/ships"
    collection = Collection("ships", indexed=(Field("affiliation", "text"), Field("category", "text")))
    schema = Schema


ships = BenchShips()
