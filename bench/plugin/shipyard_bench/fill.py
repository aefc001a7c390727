"""Generate ships: copies of those in data.json, each with a different model and length."""

import itertools

from service import STORE, Add, Query
from shipyard_bench.ships import ships

BATCH = 1000


async def fill(app, count):
    """Add ships until the store has this many."""
    store, collection = app[STORE], ships.collection
    page = await store.find(collection, Query(limit=15))
    models = [record.data for record in page.records]
    numbers = range(page.total + 1, count + 1)
    while batch := list(itertools.islice(numbers, BATCH)):
        numbers = numbers[len(batch) :]
        await store.write(*(Add(collection, _ship(models[number % len(models)], number)) for number in batch))


def _ship(model, number):
    data = {name: value for name, value in model.items() if name != "id"}
    return data | {"model": f"{data['model']} {number}", "length": 1 + number * 7919 % 10_000}
