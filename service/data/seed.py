"""Load the data file into an empty store: all of its records or none."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from service.data.importer import NOT_AN_OBJECT, Importer
from service.discovery.registry import ImportTarget
from service.errors import HTTPError, StartupError
from service.http.app_keys import SETTINGS, STORE
from service.http.strict_json import parse_json
from service.rest.resource import Resource
from service.settings.schema import ROOT
from service.store.base import Add, fold

MAX_BYTES = 10 * 1024 * 1024
"""The maximum size of the data file; `python -m service load` reads larger files."""

log = logging.getLogger("shipyard")


async def seed(app: web.Application, targets: Mapping[str, ImportTarget]) -> None:
    """Load the data file if nothing was ever written to the store. Raises StartupError, and then writes nothing.

    Collections of the file without a target are skipped with a warning.
    """
    if not await app[STORE].is_new():
        return
    path = ROOT / app[SETTINGS].data
    importer = Importer(app, str(path))
    document = _read(path, importer)
    for name in document.keys() - targets.keys():
        log.warning("%s: /%s: skipped, because no enabled plugin declares this collection.", path, name)
    operations: list[Add] = []
    for name, target in targets.items():
        if name in document:
            operations += await _records(importer, name, target, document[name])
        elif isinstance(target, Resource) and target.seeded:
            importer.add_error(f"/{name}", "Missing.")
    importer.raise_errors()
    await app[STORE].seed(operations)


def _read(path: Path, importer: Importer) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise StartupError(f"{path}: has {size} bytes, more than {MAX_BYTES}; use: python -m service load")
        document = parse_json(path.read_bytes())
    except OSError as error:
        raise StartupError(f"{path}: cannot be read: {error.strerror}") from error
    except HTTPError as error:
        importer.add_errors("", error.message)
        importer.raise_errors()
    if not isinstance(document, dict):
        raise StartupError(f"{path}: {NOT_AN_OBJECT}")
    return document


async def _records(importer: Importer, name: str, target: ImportTarget, records: Any) -> list[Add]:
    """Return the operations that add the records of one collection."""
    if not isinstance(records, list):
        importer.add_error(f"/{name}", "Not a list.")
        return []
    operations: list[Add] = []
    ids_and_keys: set[int | str] = set()
    for index, record in enumerate(records):
        pointer = f"/{name}/{index}"
        operation = await importer.convert(pointer, target, record)
        if operation is not None:
            _check_duplicates(importer, pointer, operation, ids_and_keys)
            operations.append(operation)
    return operations


def _check_duplicates(importer: Importer, pointer: str, operation: Add, seen: set[int | str]) -> None:
    """Add an error if an id or the value of a unique field is in `seen`; the store's error would have no pointer."""
    unique = operation.collection.unique
    keys: dict[str, int | str | None] = {"id": operation.id}
    if unique:
        keys[unique] = fold(operation.data[unique])
    for field, key in keys.items():
        if key is not None and key in seen:
            importer.add_error(f"{pointer}/{field}", f"Duplicate value: {operation.data.get(field, key)!r}.")
        if key is not None:
            seen.add(key)
