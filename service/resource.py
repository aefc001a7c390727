"""Resource: list, read, add, replace, patch and remove over one collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import orjson
from aiohttp import web
from marshmallow import Schema

from service.access import Rule, public, user
from service.answer import NO_CACHE, Answer
from service.body import MERGE_PATCH, read_object
from service.conditional import etag, expected, unchanged
from service.document import Document
from service.errors import Refusal
from service.idempotency import once
from service.keys import STORE
from service.paging import external, page_headers
from service.query import ALL, Grammar
from service.routes import routes_of
from service.store.base import Add, Collection, Missing, Once, Record, Replace, Stale, Taken

Data = dict[str, Any]


class Resource:
    """REST routes over one collection. A subclass says `path`, `collection` and `schema`, and may override any method.

    The rule in `access` holds for a method whoever overrides it.
    """

    path: ClassVar[str]
    collection: ClassVar[Collection]
    schema: ClassVar[type[Schema]]
    access: ClassVar[dict[str, Rule]] = {
        "list": public,
        "read": public,
        "add": user,
        "replace": user,
        "patch": user,
        "remove": user,
    }
    seeded: ClassVar[bool] = False
    """Whether the data file must have this collection."""

    def __init__(self) -> None:
        self.noun = self.schema.__name__.removesuffix("Schema")
        self.document = Document(self.schema(), self.collection)
        self.grammar = Grammar(self.schema())

    async def prepare(self, app: web.Application, data: Data) -> Data:  # noqa: ARG002  # for those who override it
        """The data to keep, from data that the schema has accepted. Override it to change or refuse (Refusal) it."""
        return data

    async def seed(self, app: web.Application, data: Data) -> Data:
        """As `prepare`, for a record of the data file."""
        return await self.prepare(app, data)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """The records that the parameters ask for."""
        listing = self.grammar.read(request.query) if "?" in request.raw_path else ALL
        page = await request.app[STORE].find(self.collection, listing.query)
        headers = page_headers(request, listing, page)
        body = page.body if listing.fields is None else _narrowed(page.records, listing.fields)
        return Answer(body, headers=headers, cache=NO_CACHE)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """One record."""
        if "?" in request.raw_path and request.query:
            raise Refusal(400, {name: ["Unknown parameter."] for name in request.query}, code="invalid_parameters")
        record = existing(await request.app[STORE].get(self.collection, record_id(request)))
        if unchanged(request, record):
            return Answer(None, 304, {"ETag": etag(record)}, cache=NO_CACHE)
        return _tagged(record)

    async def add(self, request: web.Request) -> web.StreamResponse:
        """A new record."""
        document = await read_object(request)
        data = self.document.load(document)
        with once(request, document) as key:
            record = await self._write(request, Add(self.collection, await self.prepare(request.app, data)), key)
        location = external(request, f"{self.path}/{record.id}")
        return Answer(record.body, 201, {"ETag": etag(record), "Location": location}, cache=NO_CACHE)

    async def replace(self, request: web.Request) -> web.StreamResponse:
        """A record anew, all its fields."""
        id, document, kept = record_id(request), await read_object(request), {}
        if self.document.read_only:
            kept = self.document.kept(existing(await request.app[STORE].get(self.collection, id)))
        data = await self.prepare(request.app, self.document.load(document, id, kept))
        revision = await expected(request, self.collection, id)
        return _tagged(await self._write(request, Replace(self.collection, id, data, revision)))

    async def patch(self, request: web.Request) -> web.StreamResponse:
        """Some fields of a record anew: JSON Merge Patch (RFC 7396)."""
        id, patch = record_id(request), await read_object(request, MERGE_PATCH)
        while True:
            old = existing(await request.app[STORE].get(self.collection, id))
            data = await self.prepare(request.app, self.document.merge(old, patch))
            revision = await expected(request, self.collection, id)
            try:
                record = await self._write(request, Replace(self.collection, id, data, revision or old.revision))
            except Stale:
                if revision is None:
                    continue  # somebody else was faster, and the client did not ask to be told
                raise
            return _tagged(record)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """A record no more."""
        id = record_id(request)
        revision = await expected(request, self.collection, id)
        await request.app[STORE].remove(self.collection, id, revision)
        return Answer(status=204)

    @classmethod
    def routes(cls) -> Sequence[web.RouteDef]:
        """The routes of this resource, for a plugin's `routes`. Raises StartError if the class cannot be one."""
        return routes_of(cls())

    async def _write(self, request: web.Request, change: Add | Replace, key: Once | None = None) -> Record:
        try:
            (record,) = await request.app[STORE].write(change, once=key)
        except Taken:
            raise Refusal(400, f"{self.noun} already exists.", code="already_exists") from None
        return record  # type: ignore[return-value]  # an Add and a Replace answer their record


def existing(record: Record | None) -> Record:
    """The record that was asked for. Raises Missing where there is none."""
    if record is None:
        raise Missing
    return record


def record_id(request: web.Request) -> int:
    """The id in the path."""
    return int(request.match_info["id"])


def _tagged(record: Record) -> Answer:
    return Answer(record.body, 200, {"ETag": etag(record)}, cache=NO_CACHE)


def _narrowed(records: Sequence[Record], fields: Sequence[str]) -> bytes:
    return orjson.dumps([{name: data[name] for name in fields if name in data} for data in (r.data for r in records)])
