"""Conditional requests (RFC 9110, 13): entity tags of records, If-None-Match and If-Match."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from service import errors
from service.errors import HTTPError
from service.http.app_keys import SETTINGS
from service.store.base import Record

TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
TAGS = re.compile(rf"\s*{TAG.pattern}\s*(,\s*{TAG.pattern}\s*)*")


def etag(record: Record) -> str:
    """Return the strong entity tag of a record."""
    return f'"{record.revision:x}"'


def not_modified(request: web.Request, record: Record) -> bool:
    """Return whether If-None-Match has the tag of this record, compared weakly."""
    sent = request.headers.get(hdrs.IF_NONE_MATCH)
    if sent is None:
        return False
    return sent.strip() == "*" or etag(record) in {f'"{opaque}"' for _, opaque in _tags(sent)}


def is_conditional(request: web.Request) -> bool:
    """Return whether a write depends on the state of its record: whether check_if_match has anything to check."""
    return hdrs.IF_MATCH in request.headers or request.app[SETTINGS].require_if_match


def check_if_match(request: web.Request, current: Record) -> int | None:
    """Return the revision that a write must replace, as If-Match requires; None if it may replace any.

    Raises HTTPError: 412 with the current tag; 428 if the setting require_if_match requires the header.
    """
    sent = request.headers.get(hdrs.IF_MATCH)
    if sent is None:
        if request.app[SETTINGS].require_if_match:
            raise errors.IF_MATCH_REQUIRED()
        return None
    if sent.strip() == "*":
        return None
    if etag(current) not in {f'"{opaque}"' for weak, opaque in _tags(sent) if not weak}:
        raise record_changed(current)
    return current.revision


def record_changed(current: Record) -> HTTPError:
    """Return the 412 with the current tag of the record."""
    return errors.RECORD_CHANGED(headers={"ETag": etag(current)})


def _tags(sent: str) -> list[tuple[str, str]]:
    """Return the tags of a list, as (weak prefix, opaque part); none if it is malformed."""
    return TAG.findall(sent) if TAGS.fullmatch(sent) else []
