"""Revoked tokens, kept in the store until they would have expired anyway."""

from __future__ import annotations

import asyncio
import logging
import time

from service.auth.tokens import Claims
from service.store.base import Revoke, Store, StoreError

PURGE_SECONDS = 10

log = logging.getLogger("shipyard")


class Blocklist:
    """Knows tokens by their ids (`jti`, `sid`), never by their text."""

    def __init__(self, store: Store, leeway_seconds: int) -> None:
        self._store = store
        self._leeway = leeway_seconds

    async def revoke(self, claims: Claims) -> None:
        """End this one token. When this returns, no instance that shares the store takes it for longer than 1 s."""
        await self._store.write(Revoke(claims.jti, claims.exp + self._leeway))

    async def has(self, claims: Claims) -> bool:
        """Whether this token, or the session it belongs to, was revoked."""
        return await self._store.revoked(claims.jti, claims.sid)

    async def purge(self) -> None:
        """Forget, every few seconds and until cancelled, what has expired."""
        while True:
            await asyncio.sleep(PURGE_SECONDS)
            try:
                await self._store.purge(int(time.time()))
            except StoreError as error:
                log.warning("what has expired stays for now: %s", error)
