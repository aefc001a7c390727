"""Fills an empty store from the data file: all of it or nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from service.data.importer import Importer
from service.discovery.registry import Keeper
from service.errors import HTTPError, StartupError
from service.http.app_keys import SETTINGS, STORE
from service.http.strict_json import parse_json
from service.rest.resource import Resource
from service.settings.schema import ROOT
from service.store.base import Add, fold

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes. More is for `python -m service load`."""

log = logging.getLogger("shipyard")


async def seed(app: web.Application, keepers: Mapping[str, Keeper]) -> None:
    """Fill the store if nothing was ever written to it. Raises StartupError, and then nothing is written."""
    if not await app[STORE].is_new():
        return
    path = ROOT / app[SETTINGS].data
    importer = Importer(app, path)
    document = _read(path, importer)
    for name in document.keys() - keepers.keys():
        log.warning("%s: /%s: no plugin that is loaded keeps this collection; it is left out.", path, name)
    intake = Importer(app, path)
    changes: list[Add] = []
    for name, keeper in keepers.items():
        if name in document:
            changes += await _collection(intake, name, keeper, document[name])
        elif isinstance(keeper, Resource) and keeper.seeded:
            intake.fault(f"/{name}", "Missing.")
    intake.check()
    await app[STORE].seed(changes)


def _read(path: Path, importer: Importer) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise StartupError(f"{path}: has {size} bytes, more than {LARGEST_FILE}; use: python -m service load")
        document = parse_json(path.read_bytes())
    except OSError as error:
        raise StartupError(f"{path}: cannot be read: {error.strerror}") from error
    except HTTPError as error:
        if isinstance(error.message, str):
            raise StartupError(f"{path}: {error.message}") from None
        importer.reject("", error.message)
        importer.check()
    if not isinstance(document, dict):
        raise StartupError(f'{path}: is no JSON object like {{"users": [...], "ships": [...]}}.')
    return document


async def _collection(intake: Importer, name: str, keeper: Keeper, records: Any) -> list[Add]:
    if not isinstance(records, list):
        intake.fault(f"/{name}", "Not a list.")
        return []
    changes: list[Add] = []
    seen: set[int | str] = set()
    for index, record in enumerate(records):
        pointer = f"/{name}/{index}"
        change = await intake.take(pointer, keeper, record)
        if change is not None:
            _check_twice(intake, pointer, change, seen)
            changes.append(change)
    return changes


def _check_twice(intake: Importer, pointer: str, change: Add, seen: set[int | str]) -> None:
    """An id or a unique field that is there twice, told before the store would refuse it without its place."""
    unique = change.collection.unique
    keys: dict[str, int | str | None] = {"id": change.id, **({unique: fold(change.data[unique])} if unique else {})}
    for field, key in keys.items():
        if key is not None and key in seen:
            intake.fault(f"{pointer}/{field}", f"{change.data.get(field, key)!r} is there twice.")
        if key is not None:
            seen.add(key)
