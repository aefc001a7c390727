"""The bench's plugin: reads a ship as the ships' own route does, but for users only."""

from aiohttp import web
from marshmallow import Schema

from service import Collection, Resource, user


class BenchShips(Resource):
    """The collection of the ships plugin, which alone keeps and fills it."""

    path = "/bench/ships"
    collection = Collection("ships")
    schema = Schema


ships = BenchShips()


@user
async def read(request: web.Request) -> web.StreamResponse:
    """One ship."""
    return await ships.read(request)


routes = [web.get("/bench/ships/{id:[1-9][0-9]{0,15}}", read)]
requires = ["ships"]
