"""Whole stores to and from files in the format of data.json, at constant memory."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import orjson
from aiohttp import web
from tqdm import tqdm

from service.data.importer import Importer
from service.discovery.app_keys import PLUGINS
from service.discovery.registry import Keeper, keepers
from service.errors import StartupError
from service.http.app_keys import STORE
from service.store.base import Add, Collection, Query, Store, StoreError

BATCH = 1000
"""Records that are in memory at once."""


async def dump(app: web.Application, out: BinaryIO) -> int:
    """Write every record, its hidden fields too; how many. What is written meanwhile may or may not be among them."""
    store, collections = await _opened(app)
    try:
        total = sum([(await store.find(collection, Query(limit=0))).total for collection in collections])
        with _bar(total=total, unit=" records") as bar:
            for index, collection in enumerate(collections):
                out.write(b"%b\n  %b: [" % (b"," if index else b"{", orjson.dumps(collection.name)))
                await _dump(store, collection, out, bar)
                out.write(b"\n  ]")
        out.write(b"\n}\n")
    finally:
        await store.close()
    return total


async def load(app: web.Application, path: Path) -> int:
    """Fill an empty store from a file, in one transaction; how many records. Raises StartupError."""
    store, _ = await _opened(app)
    try:
        with path.open("rb") as file, _bar(unit="B", unit_scale=True) as bar:
            reading = Reading(Importer(app, path), file, bar)
            plugins = app[PLUGINS]
            if not await store.fill(reading.batches(keepers(plugins))):
                raise StartupError(f"store {store.name} is not empty; it stays as it is.")
    except (OSError, StoreError, ijson.JSONError) as error:
        raise StartupError(
            f"{path} cannot be loaded, and nothing of it was: {error or type(error).__name__}"
        ) from error
    finally:
        await store.close()
    return reading.records


class Reading:
    """Passes over a file, one for each collection, that give its records in batches."""

    def __init__(self, intake: Importer, file: BinaryIO, bar: tqdm[Any]) -> None:
        self.records = 0
        self._intake = intake
        self._file = file
        self._bar = bar

    async def batches(self, keepers: Mapping[str, Keeper]) -> AsyncIterator[list[Add]]:
        """The records of all collections. Raises StartupError in the batch in which something is wrong."""
        self._bar.total = os.fstat(self._file.fileno()).st_size * (len(keepers) + 1)
        for name in self._names() - keepers.keys():
            self._intake.fault(f"/{name}", "No plugin that is loaded keeps this collection.")
        for name, keeper in keepers.items():
            self._file.seek(0)
            records = enumerate(ijson.items(self._file, f"{name}.item", use_float=True))
            while some := list(islice(records, BATCH)):
                taken = [await self._intake.take(f"/{name}/{index}", keeper, record) for index, record in some]
                self._intake.check()
                yield [change for change in taken if change is not None]
                self.records += len(some)
                self._moved()
            self._moved()

    def _names(self) -> set[str]:
        """The collections that the file has."""
        names = {value for prefix, event, value in ijson.parse(self._file) if not prefix and event == "map_key"}
        self._moved()
        return names

    def _moved(self) -> None:
        size = os.fstat(self._file.fileno()).st_size
        passes = self._bar.n // size
        self._bar.update(max(0, passes * size + self._file.tell() - self._bar.n))


async def _dump(store: Store, collection: Collection, out: BinaryIO, bar: tqdm[Any]) -> None:
    first = True
    async for record, hidden in store.scan(collection):
        out.write((b"\n    " if first else b",\n    ") + orjson.dumps({**record.data, **hidden}))
        bar.update()
        first = False


async def _opened(app: web.Application) -> tuple[Store, list[Collection]]:
    store = app[STORE]
    if not store.durable:
        raise StartupError(
            f"store {store.name} begins empty and ends with the process; name another: SHIPYARD_STORE=..."
        )
    collections = [collection for plugin in app[PLUGINS] for collection in plugin.collections]
    try:
        await store.open(collections)
    except StoreError as error:
        raise StartupError(f"store {store.name}: {error}") from error
    return store, collections


def _bar(**options: Any) -> tqdm[Any]:
    return tqdm(file=sys.stderr, disable=not sys.stderr.isatty(), **options)
