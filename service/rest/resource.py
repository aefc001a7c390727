"""Resource: list, read, add, replace, patch and remove over one collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from service.errors import HTTPError
from service.http.app_keys import STORE
from service.http.preconditions import etag, expected, unchanged
from service.http.request_body import MERGE_PATCH, read_json_object
from service.http.response import NO_CACHE, JSONResponse
from service.http.urls import external_url
from service.rest.idempotency import once
from service.rest.list_query import ALL
from service.rest.pagination import page_headers
from service.rest.routes import routes_of
from service.rest.spec import ResourceSpec
from service.store.base import (
    Add,
    DuplicateValue,
    IdempotencyKey,
    Record,
    RecordNotFound,
    Replace,
    RevisionMismatch,
)

Data = dict[str, Any]


class Resource(ResourceSpec):
    """REST routes over one collection. A subclass says `path`, `collection` and `schema`, and may override any method.

    The rule in `access` holds for a method whoever overrides it.
    """

    async def prepare(self, app: web.Application, data: Data) -> Data:  # noqa: ARG002  # for those who override it
        """The data to keep, from data that the schema has accepted. Override it to change or refuse (HTTPError) it."""
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
        return JSONResponse(body, headers=headers, cache=NO_CACHE)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """One record."""
        if "?" in request.raw_path and request.query:
            raise HTTPError(400, {name: ["Unknown parameter."] for name in request.query}, code="invalid_parameters")
        record = existing(await request.app[STORE].get(self.collection, record_id(request)))
        if unchanged(request, record):
            return JSONResponse(None, 304, {"ETag": etag(record)}, cache=NO_CACHE)
        return _tagged(record)

    async def add(self, request: web.Request) -> web.StreamResponse:
        """A new record."""
        document = await read_json_object(request)
        data = self.document.load(document)
        with once(request, document) as key:
            record = await self._write(request, Add(self.collection, await self.prepare(request.app, data)), key)
        location = external_url(request, f"{self.path}/{record.id}")
        return JSONResponse(record.body, 201, {"ETag": etag(record), "Location": location}, cache=NO_CACHE)

    async def replace(self, request: web.Request) -> web.StreamResponse:
        """A record anew, all its fields."""
        id, document, kept = record_id(request), await read_json_object(request), {}
        if self.document.read_only:
            kept = self.document.kept(existing(await request.app[STORE].get(self.collection, id)))
        data = await self.prepare(request.app, self.document.load(document, id, kept))
        revision = await expected(request, self.collection, id)
        return _tagged(await self._write(request, Replace(self.collection, id, data, revision)))

    async def patch(self, request: web.Request) -> web.StreamResponse:
        """Some fields of a record anew: JSON Merge Patch (RFC 7396)."""
        id, patch = record_id(request), await read_json_object(request, MERGE_PATCH)
        while True:
            old = existing(await request.app[STORE].get(self.collection, id))
            data = await self.prepare(request.app, self.document.merge(old, patch))
            revision = await expected(request, self.collection, id)
            try:
                record = await self._write(request, Replace(self.collection, id, data, revision or old.revision))
            except RevisionMismatch:
                if revision is None:
                    continue  # somebody else was faster, and the client did not ask to be told
                raise
            return _tagged(record)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """A record no more."""
        id = record_id(request)
        revision = await expected(request, self.collection, id)
        await request.app[STORE].remove(self.collection, id, revision)
        return JSONResponse(status=204)

    @classmethod
    def routes(cls) -> Sequence[web.RouteDef]:
        """The routes of this resource, for a plugin's `routes`. Raises StartupError if the class cannot be one."""
        return routes_of(cls())

    async def _write(self, request: web.Request, change: Add | Replace, key: IdempotencyKey | None = None) -> Record:
        try:
            (record,) = await request.app[STORE].write(change, idempotency_key=key)
        except DuplicateValue:
            raise HTTPError(400, f"{self.noun} already exists.", code="already_exists") from None
        return record  # type: ignore[return-value]  # an Add and a Replace answer their record


def existing(record: Record | None) -> Record:
    """The record that was asked for. Raises RecordNotFound where there is none."""
    if record is None:
        raise RecordNotFound
    return record


def record_id(request: web.Request) -> int:
    """The id in the path."""
    return int(request.match_info["id"])


def _tagged(record: Record) -> JSONResponse:
    return JSONResponse(record.body, 200, {"ETag": etag(record)}, cache=NO_CACHE)


def _narrowed(records: Sequence[Record], fields: Sequence[str]) -> bytes:
    return orjson.dumps([{name: data[name] for name in fields if name in data} for data in (r.data for r in records)])
