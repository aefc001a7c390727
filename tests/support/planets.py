"""The plugin that DESIGN.md shows, as its module would be written."""

PLANETS = '''
"""Planets: anyone may look, a user may change."""

from marshmallow import Schema
from marshmallow.fields import String

from service import Collection, Resource


class PlanetSchema(Schema):
    name = String(required=True)
    climate = String(required=True)


class Planets(Resource):
    """Planets: anyone may look, a user may change."""

    path = "/api/planets"
    collection = Collection("planets", unique="name")
    schema = PlanetSchema


routes = Planets.routes()
'''
