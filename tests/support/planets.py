"""The code of a plugin with one resource."""

PLANETS = '''
"""Planets: public to read, writable by users."""

from marshmallow import Schema
from marshmallow.fields import String

from service import Collection, Resource


class PlanetSchema(Schema):
    name = String(required=True)
    climate = String(required=True)


class Planets(Resource):
    """Planets: public to read, writable by users."""

    path = "/api/planets"
    collection = Collection("planets", unique="name")
    schema = PlanetSchema


routes = Planets.routes()
'''
