"""Write all records of a store to a file, and load them into an empty store, with bounded memory.

The format is that of data.json, with passwords as hashes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from typing import Any, BinaryIO

import ijson
import orjson
from aiohttp import web
from tqdm import tqdm

from service.auth.app_keys import PASSWORDS
from service.auth.users import USERS
from service.data.importer import NOT_AN_OBJECT, Importer
from service.discovery.app_keys import PLUGINS
from service.discovery.registry import ImportTarget, collections_of, import_targets
from service.errors import StartupError
from service.http.app_keys import STORE
from service.store.base import Add, Collection, DuplicateValue, Query, Store, StoreError

BATCH = 1000
"""Records that are in memory at the same time."""
NOTHING_LOADED = "nothing was loaded."


async def dump(app: web.Application, out: BinaryIO) -> int:
    """Write every record, with its write-only fields; return how many. Raises StartupError.

    Records that other processes write meanwhile may or may not be included.
    """
    async with _opened(app) as (store, collections):
        try:
            total = sum([(await store.find(collection, Query(limit=0))).total for collection in collections])
            with _progress_bar(total=total, unit=" records") as bar:
                for index, collection in enumerate(collections):
                    out.write(b"%b\n  %b: [" % (b"," if index else b"{", orjson.dumps(collection.name)))
                    await _dump_collection(store, collection, out, bar)
                    out.write(b"\n  ]")
            out.write(b"\n}\n")
        except StoreError as error:
            raise StartupError(f"store {store.name}: {_reason(error)}") from error
    return total


async def load(app: web.Application, file: BinaryIO, name: str) -> int:
    """Load a seekable file into an empty store, in one transaction; return the number of records.

    name: the file's name in messages. Raises StartupError, and then writes nothing.
    """
    async with _opened(app) as (store, _):
        plugins = app[PLUGINS]
        targets: dict[str, ImportTarget] = {USERS.name: USERS, **import_targets(plugins)}
        with _progress_bar(unit="B", unit_scale=True) as bar:
            reader = BatchReader(Importer(app, name), file, bar)
            try:
                filled = await store.fill(reader.batches(targets))
            except (StoreError, ijson.JSONError) as error:
                raise StartupError(f"{name} cannot be loaded: {_reason(error)}; {NOTHING_LOADED}") from error
        if not filled:
            raise StartupError(f"store {store.name} is not empty; {NOTHING_LOADED}")
    return reader.records


class BatchReader:
    """Reads the records of a file in batches, in one pass over the file per collection."""

    def __init__(self, importer: Importer, file: BinaryIO, bar: tqdm[Any]) -> None:
        self.records = 0
        self._importer = importer
        self._file = file
        self._bar = bar
        self._passes = 0

    async def batches(self, targets: Mapping[str, ImportTarget]) -> AsyncIterator[list[Add]]:
        """Iterate over the records of all collections. Raises StartupError at the first batch with an error."""
        self._bar.total = self._size() * (len(targets) + 1)
        for name in self._check_structure() - targets.keys():
            self._importer.add_error(f"/{name}", "No enabled plugin declares this collection.")
        for name, target in targets.items():
            self._file.seek(0)
            records = enumerate(ijson.items(self._file, f"{name}.item", use_float=True))
            while batch := list(islice(records, BATCH)):
                added = [await self._importer.convert(f"/{name}/{index}", target, record) for index, record in batch]
                self._importer.raise_errors()
                yield [operation for operation in added if operation is not None]
                self.records += len(batch)
                self._show_progress()
            self._end_pass()
        self._importer.raise_errors()

    def _check_structure(self) -> set[str]:
        """Return the names of the collections. Add an error for anything but an object of lists."""
        self._file.seek(0)
        names: set[str] = set()
        for index, (prefix, event, value) in enumerate(ijson.parse(self._file)):
            if index == 0 and event != "start_map":
                self._importer.add_error("", NOT_AN_OBJECT)
            if prefix == "" and event == "map_key":
                names.add(value)
            elif prefix in names and event not in ("start_array", "end_array"):
                self._importer.add_error(f"/{prefix}", "Not a list.")
                break
        self._end_pass()
        return names

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _end_pass(self) -> None:
        self._show_progress()
        self._passes += 1

    def _show_progress(self) -> None:
        self._bar.update(max(0, self._passes * self._size() + self._file.tell() - self._bar.n))


async def _dump_collection(store: Store, collection: Collection, out: BinaryIO, bar: tqdm[Any]) -> None:
    first = True
    async for record, write_only in store.scan(collection):
        out.write((b"\n    " if first else b",\n    ") + orjson.dumps({**record.data, **write_only}))
        bar.update()
        first = False


@asynccontextmanager
async def _opened(app: web.Application) -> AsyncIterator[tuple[Store, list[Collection]]]:
    """Open the store of an app that is not started, and close it with the password threads."""
    store, plugins = app[STORE], app[PLUGINS]
    if not store.durable:
        raise StartupError(f"store {store.name} does not outlive a process; choose another: SHIPYARD_STORE=...")
    collections = collections_of(plugins)
    async with AsyncExitStack() as stack:
        stack.callback(app[PASSWORDS].close)
        stack.push_async_callback(store.close)
        try:
            await store.open(collections)
        except StoreError as error:
            raise StartupError(f"store {store.name}: {_reason(error)}") from error
        yield store, collections


def _reason(error: Exception) -> str:
    if isinstance(error, DuplicateValue):
        return f"two records of a collection have the same {error.field}"
    # The further lines of a JSONError quote the file, perhaps a password.
    return str(error).partition("\n")[0] or type(error).__name__


def _progress_bar(**options: Any) -> tqdm[Any]:
    return tqdm(file=sys.stderr, disable=not sys.stderr.isatty(), **options)
