"""Conditional requests (RFC 9110, 13): entity tags of records, If-None-Match and If-Match."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from service.errors import HTTPError
from service.http.app_keys import SETTINGS, STORE
from service.store.base import Collection, Record, RecordNotFound

TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
LIST = re.compile(rf"\s*{TAG.pattern}\s*(,\s*{TAG.pattern}\s*)*")


def etag(record: Record) -> str:
    """The strong entity tag of a record."""
    return f'"{record.revision:x}"'


def unchanged(request: web.Request, record: Record) -> bool:
    """Whether If-None-Match says that the client has this record already; tags are compared weakly."""
    sent = request.headers.get(hdrs.IF_NONE_MATCH)
    if sent is None:
        return False
    return sent.strip() == "*" or etag(record) in {f'"{opaque}"' for _, opaque in _tags(sent)}


async def expected(request: web.Request, collection: Collection, id: int) -> int | None:
    """The revision that a write must find, as If-Match says; None where any will do.

    Raises HTTPError: 412 with the current tag, 428 if the setting require_if_match requires the header; and
    RecordNotFound.
    """
    sent = request.headers.get(hdrs.IF_MATCH)
    if sent is None:
        if request.app[SETTINGS].require_if_match:
            if await request.app[STORE].get(collection, id) is None:
                raise RecordNotFound
            raise HTTPError(428, "If-Match is required: send the ETag of the record you have read.")
        return None
    if sent.strip() == "*":
        return None
    current = await request.app[STORE].get(collection, id)
    if current is None:
        raise RecordNotFound
    if etag(current) not in {f'"{opaque}"' for weak, opaque in _tags(sent) if not weak}:
        raise stale(current)
    return current.revision


def stale(current: Record) -> HTTPError:
    """The 412 that tells the tag of the record as it is now."""
    message = "The record has changed: read it again, then decide."
    return HTTPError(412, message, headers={"ETag": etag(current)})


def _tags(sent: str) -> list[tuple[str, str]]:
    """The tags of a list, as (weak mark, opaque part); none where it is malformed."""
    return TAG.findall(sent) if LIST.fullmatch(sent) else []
