"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a POST that is sent twice is done once."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from aiohttp import web

from service.auth.app_keys import CLAIMS, TOKENS
from service.errors import HTTPError
from service.store.base import IdempotencyKey

HEADER = "Idempotency-Key"
KEPT_SECONDS = 24 * 3600
KEY = re.compile(r"[\x21-\x7e]{1,255}")

RUNNING: web.AppKey[set[str]] = web.AppKey("idempotency_running", set)
"""The keys of requests that are not answered yet."""


@contextmanager
def once(request: web.Request, document: Any) -> Iterator[IdempotencyKey | None]:
    """How a write of `document` is done at most once; None where the client did not ask for it.

    Raises HTTPError: 400 for a malformed key, 409 while the same key is under way in this process.
    """
    sent = request.headers.get(HEADER)
    if sent is None:
        yield None
        return
    if KEY.fullmatch(sent) is None:
        raise HTTPError(400, {HEADER: ["Not 1 to 255 visible ASCII characters."]}, code="invalid_header")
    who = request[CLAIMS].user if CLAIMS in request else "-"
    key = f"{who} {request.method} {request.path} {sent}"
    running = request.app[RUNNING]
    if key in running:
        raise HTTPError(409, f"A request with this {HEADER} is still under way.", headers={"Retry-After": "1"})
    running.add(key)
    try:
        fingerprint = request.app[TOKENS].fingerprint(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
        yield IdempotencyKey(key, fingerprint, int(time.time()) + KEPT_SECONDS)
    finally:
        running.discard(key)
