"""More ships: those of data.json again and again, each with a model and a length of its own."""

import itertools

from service import STORE, Add, Query
from shipyard_bench.ships import ships

BATCH = 1000


async def fill(app, wanted):
    """Add ships until there are as many as wanted."""
    store, collection = app[STORE], ships.collection
    page = await store.find(collection, Query(limit=15))
    models = [record.data for record in page.records]
    numbers = range(page.total + 1, wanted + 1)
    while batch := list(itertools.islice(numbers, BATCH)):
        numbers = numbers[len(batch) :]
        await store.write(*(Add(collection, _ship(models[number % len(models)], number)) for number in batch))


def _ship(model, number):
    data = {name: value for name, value in model.items() if name != "id"}
    return data | {"model": f"{data['model']} {number}", "length": 1 + number * 7919 % 10_000}
