"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a repeated POST is applied once."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from aiohttp import web

from service import errors
from service.auth.app_keys import CLAIMS, FINGERPRINT
from service.store.base import IdempotencyKey

HEADER = "Idempotency-Key"
EXPIRY_SECONDS = 24 * 3600
VALUE = re.compile(r"[\x21-\x7e]{1,255}")

RUNNING: web.AppKey[set[str]] = web.AppKey("idempotency_running", set)
"""The keys of the requests that this process is handling."""


@contextmanager
def idempotency_key(request: web.Request, document: Any) -> Iterator[IdempotencyKey | None]:
    """Reserve the key of a request whose body is `document`; None if the client sent none.

    Raises HTTPError: 400 for a malformed key, 409 while this process handles a request with the same key.
    """
    sent = request.headers.get(HEADER)
    if sent is None:
        yield None
        return
    if VALUE.fullmatch(sent) is None:
        raise errors.INVALID_IDEMPOTENCY_KEY()
    user = request[CLAIMS].user if CLAIMS in request else "-"
    key = f"{user} {request.method} {request.path} {sent}"
    running = request.app[RUNNING]
    if key in running:
        raise errors.IDEMPOTENCY_KEY_IN_USE()
    running.add(key)
    try:
        fingerprint = request.app[FINGERPRINT].of(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
        yield IdempotencyKey(key, fingerprint, int(time.time()) + EXPIRY_SECONDS)
    finally:
        running.discard(key)
