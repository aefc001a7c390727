"""Fills an empty store from the data file: all of it or nothing, every fault with its place in the file."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from service.body import LARGEST, parse
from service.errors import Refusal, StartError
from service.keys import SETTINGS, STORE
from service.resource import Resource
from service.settings import ROOT
from service.store.base import Add, Collection, fold

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes. More is for `python -m service load`."""
SHOWN = 20
"""Faults that are told at once."""

log = logging.getLogger("shipyard")


async def seed(app: web.Application, resources: Sequence[Resource], others: Sequence[Collection]) -> None:
    """Fill the store if nothing was ever written to it. Raises StartError, and then nothing is written.

    others: collections without a resource, whose records are taken as they are.
    """
    if not await app[STORE].pristine():
        return
    path = ROOT / app[SETTINGS].data
    filling = Filling(app, path)
    document = filling.read()
    known = {resource.collection.name: resource for resource in resources} | {it.name: it for it in others}
    for name in document.keys() - known.keys():
        log.warning("%s: /%s: no plugin that is loaded keeps this collection; it is left out.", path, name)
    for name, keeper in known.items():
        if name in document:
            await filling.collection(name, keeper, document[name])
        elif isinstance(keeper, Resource) and keeper.seeded:
            filling.fault(f"/{name}", "Missing.")
    filling.check()
    await app[STORE].seed(filling.changes)


class Filling:
    """One reading of the data file, collecting the records to add and what is wrong."""

    def __init__(self, app: web.Application, path: Path) -> None:
        self.changes: list[Add] = []
        self._app = app
        self._path = path
        self._faults: list[str] = []

    def read(self) -> dict[str, Any]:
        """The file's object. Raises StartError."""
        try:
            size = self._path.stat().st_size
            document = parse(self._path.read_bytes()) if size <= LARGEST_FILE else None
        except OSError as error:
            raise StartError(f"{self._path}: cannot be read: {error.strerror}") from error
        except Refusal as refusal:
            raise StartError(f"{self._path}: {refusal.message}") from None
        if size > LARGEST_FILE:
            raise StartError(f"{self._path}: has {size} bytes, more than {LARGEST_FILE}; use: python -m service load")
        if not isinstance(document, dict):
            raise StartError(f'{self._path}: is no JSON object like {{"users": [...], "ships": [...]}}.')
        return document

    def fault(self, pointer: str, text: str) -> None:
        """Remember what is wrong at a JSON pointer (RFC 6901)."""
        self._faults.append(f"{self._path}: {pointer}: {text}")

    def check(self) -> None:
        """Raises StartError if anything was wrong."""
        if self._faults:
            rest = [f"... and {len(self._faults) - SHOWN} more"] if len(self._faults) > SHOWN else []
            raise StartError("\n".join([*self._faults[:SHOWN], *rest]))

    async def collection(self, name: str, keeper: Resource | Collection, records: Any) -> None:
        """Take in the records of one collection."""
        if not isinstance(records, list):
            self.fault(f"/{name}", "Not a list.")
            return
        ids: set[int] = set()
        keys: set[str] = set()
        for index, record in enumerate(records):
            pointer = f"/{name}/{index}"
            if not self._has_id(pointer, record, ids):
                continue
            data = {field: value for field, value in record.items() if field != "id"}
            if isinstance(keeper, Collection):
                self.changes.append(Add(keeper, data, record["id"]))
            elif (checked := await self._checked(pointer, keeper, data, keys)) is not None:
                self.changes.append(Add(keeper.collection, checked, record["id"]))

    def _has_id(self, pointer: str, record: Any, ids: set[int]) -> bool:
        if not isinstance(record, dict):
            self.fault(pointer, "Not an object.")
            return False
        id = record.get("id")
        if type(id) is not int or not 1 <= id <= LARGEST:
            self.fault(f"{pointer}/id", "Missing, or not a whole number from 1.")
            return False
        if id in ids:
            self.fault(f"{pointer}/id", f"{id} is there twice.")
            return False
        ids.add(id)
        return True

    async def _checked(self, pointer: str, resource: Resource, data: Any, keys: set[str]) -> dict[str, Any] | None:
        try:
            checked = await resource.seed(self._app, resource.document.load(data))
        except Refusal as refusal:
            self._refused(pointer, refusal.message)
            return None
        unique = resource.collection.unique
        if unique is not None:
            key = fold(checked[unique])
            if key in keys:
                self.fault(f"{pointer}/{unique}", f"{checked[unique]!r} is there twice (case does not count).")
            keys.add(key)
        return checked

    def _refused(self, pointer: str, message: str | Mapping[str, Any] | None) -> None:
        if not isinstance(message, Mapping):
            self.fault(pointer, message or "Refused.")
            return
        for field, texts in message.items():
            if isinstance(texts, Mapping):
                self._refused(f"{pointer}/{field}", texts)
            else:
                self.fault(f"{pointer}/{field}", " ".join(texts) if isinstance(texts, list) else str(texts))
