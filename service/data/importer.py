"""Takes in records from a file: checked as a client's would be, each fault with its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from service.discovery.registry import Keeper
from service.errors import HTTPError, StartupError
from service.http.strict_json import MAX_INTEGER
from service.store.base import Add, Collection

SHOWN = 20
"""Faults that are told at once."""


class Importer:
    """One reading of one file, collecting what is wrong with it."""

    def __init__(self, app: web.Application, path: Path) -> None:
        self._app = app
        self._path = path
        self._faults: list[str] = []

    async def take(self, pointer: str, keeper: Keeper, record: Any) -> Add | None:
        """The record at a JSON pointer (RFC 6901) as it is to be kept; None where it is faulty."""
        if not isinstance(record, dict):
            self.fault(pointer, "Not an object.")
            return None
        id = record.get("id")
        if type(id) is not int or not 1 <= id <= MAX_INTEGER:
            self.fault(f"{pointer}/id", "Missing, or not a whole number from 1.")
            return None
        data = {field: value for field, value in record.items() if field != "id"}
        if isinstance(keeper, Collection):
            if keeper.unique is not None and not isinstance(data.get(keeper.unique), str):
                self.fault(_member(pointer, keeper.unique), "Missing, or not a text.")
                return None
            return Add(keeper, data, id)
        try:
            return Add(keeper.collection, await keeper.seed(self._app, keeper.record_schema.validate(data)), id)
        except HTTPError as refusal:
            self.reject(pointer, refusal.message)
            return None

    def fault(self, pointer: str, text: str) -> None:
        """Remember what is wrong at a JSON pointer. Raises StartupError when it is too much to go on."""
        self._faults.append(f"{self._path}: {pointer}: {text}")
        if len(self._faults) >= SHOWN:
            self._faults.append("There may be more.")
            self.check()

    def check(self) -> None:
        """Raises StartupError if anything was wrong."""
        if self._faults:
            raise StartupError("\n".join(self._faults))

    def reject(self, pointer: str, message: str | Mapping[str, Any]) -> None:
        """Remember the message of an error, texts by field under their own pointers."""
        if not isinstance(message, Mapping):
            self.fault(pointer, message)
            return
        for field, texts in message.items():
            place = _member(pointer, field)
            if isinstance(texts, Mapping):
                self.reject(place, texts)
            else:
                self.fault(place, " ".join(texts) if isinstance(texts, list) else str(texts))


def _member(pointer: str, name: object) -> str:
    """The pointer of a member (RFC 6901, 3)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
