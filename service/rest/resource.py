"""Resource: the handlers of a REST resource over one collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from service import errors
from service.http.app_keys import STORE
from service.http.preconditions import check_if_match, etag, is_conditional, not_modified, record_changed
from service.http.request_body import MERGE_PATCH, read_json_object
from service.http.response import NO_CACHE, JSONResponse
from service.http.urls import external_url
from service.rest.idempotency import idempotency_key
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
    Remove,
    Replace,
    RevisionMismatch,
)

Data = dict[str, Any]

MAX_ATTEMPTS = 10
"""Of a PATCH without If-Match; then it is a 412."""


class Resource(ResourceSpec):
    """REST routes over one collection.

    A subclass sets `path`, `collection` and `schema`, and may override any method; the access rule of a method in
    `access` applies to the overridden one too.
    """

    async def prepare(self, app: web.Application, data: Data) -> Data:  # noqa: ARG002  # for overrides
        """Return the data to store for validated data. Override it to change the data or to reject it (HTTPError)."""
        return data

    async def seed(self, app: web.Application, data: Data) -> Data:
        """Return the data to store for a record of the data file; by default as `prepare` does."""
        return await self.prepare(app, data)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return the records that the query parameters select."""
        listed = self.list_parameters.read(request.query) if "?" in request.raw_path else ALL
        page = await request.app[STORE].find(self.collection, listed.query)
        body = page.body if listed.fields is None else _selected(page.records, listed.fields)
        return JSONResponse(body, headers=page_headers(request, listed, page), cache=NO_CACHE)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """Return one record."""
        if "?" in request.raw_path and request.query:
            raise errors.INVALID_PARAMETERS({name: ["Unknown parameter."] for name in request.query})
        record = await self._record(request)
        if not_modified(request, record):
            return JSONResponse(None, 304, {"ETag": etag(record)}, cache=NO_CACHE)
        return _record_response(record)

    async def add(self, request: web.Request) -> web.StreamResponse:
        """Add a record."""
        document = await read_json_object(request)
        data = self.record_schema.validate(document)
        with idempotency_key(request, document) as key:
            record = await self._added(request, data, key)
        location = external_url(request, f"{self.path}/{record.id}")
        return JSONResponse(record.body, 201, {"ETag": etag(record), "Location": location}, cache=NO_CACHE)

    async def replace(self, request: web.Request) -> web.StreamResponse:
        """Replace all fields of a record."""
        id = record_id(request)
        document = await read_json_object(request)
        revision = None
        if is_conditional(request) or self.record_schema.read_only:
            current = await self._record(request)
            read_only = self.record_schema.read_only_data(current)
            data = self.record_schema.validate(document, id, read_only)
            revision = check_if_match(request, current)
        else:
            data = self.record_schema.validate(document, id)
        data = await self.prepare(request.app, data)
        return _record_response(await self._write(request, Replace(self.collection, id, data, revision)))

    async def patch(self, request: web.Request) -> web.StreamResponse:
        """Change some fields of a record: JSON Merge Patch (RFC 7396).

        Without If-Match, the patch is applied again to what a concurrent write stored, but not without end.
        """
        patch = await read_json_object(request, MERGE_PATCH)
        prepared: Data = {}
        for _ in range(MAX_ATTEMPTS):
            current = await self._record(request)
            data = self.record_schema.merge(current, patch)
            revision = check_if_match(request, current)
            # A write-only field is prepared once, because to hash a password is expensive.
            unprepared = {name: value for name, value in data.items() if name not in prepared}
            data = {**await self.prepare(request.app, unprepared), **prepared}
            prepared = {name: data[name] for name in self.collection.write_only if name in data}
            try:
                change = Replace(self.collection, current.id, data, revision or current.revision)
                return _record_response(await self._write(request, change))
            except RevisionMismatch:
                if revision is not None:
                    raise
        raise record_changed(await self._record(request))

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """Remove a record."""
        revision = None
        if is_conditional(request):
            revision = check_if_match(request, await self._record(request))
        await request.app[STORE].write(Remove(self.collection, record_id(request), revision))
        return JSONResponse(status=204)

    @classmethod
    def routes(cls) -> Sequence[web.RouteDef]:
        """Return the routes of this resource, for a plugin's `routes`. Raises StartupError."""
        return routes_of(cls())

    async def _record(self, request: web.Request) -> Record:
        """Return the record whose id is in the path. Raises RecordNotFound."""
        record = await request.app[STORE].get(self.collection, record_id(request))
        if record is None:
            raise RecordNotFound
        return record

    async def _added(self, request: web.Request, data: Data, key: IdempotencyKey | None) -> Record:
        """Return the record that this request adds, or that an earlier one with the same key added."""
        if key is not None and (records := await request.app[STORE].replay(key)):
            return records[0]  # type: ignore[return-value]  # an Add returns its record
        return await self._write(request, Add(self.collection, await self.prepare(request.app, data)), key)

    async def _write(self, request: web.Request, change: Add | Replace, key: IdempotencyKey | None = None) -> Record:
        try:
            (record,) = await request.app[STORE].write(change, idempotency_key=key)
        except DuplicateValue:
            raise errors.ALREADY_EXISTS(noun=self.noun) from None
        return record  # type: ignore[return-value]  # an Add and a Replace return their record


def record_id(request: web.Request) -> int:
    """Return the id in the path."""
    return int(request.match_info["id"])


def _record_response(record: Record) -> JSONResponse:
    return JSONResponse(record.body, 200, {"ETag": etag(record)}, cache=NO_CACHE)


def _selected(records: Sequence[Record], fields: Sequence[str]) -> bytes:
    """Return a JSON array of the records with these fields only."""
    return orjson.dumps([{name: data[name] for name in fields if name in data} for data in (r.data for r in records)])
