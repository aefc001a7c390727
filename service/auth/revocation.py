"""Revocation of tokens. A revocation is stored until the token would have expired."""

from __future__ import annotations

import asyncio
import logging
import time

from service.auth.tokens import Claims
from service.store.base import Revoke, Store, StoreError

PURGE_SECONDS = 10
"""Time between two purges."""

log = logging.getLogger("shipyard")


class Blocklist:
    """The revoked tokens and sessions, stored by their ids (`jti`, `sid`); no token is stored."""

    def __init__(self, store: Store, leeway_seconds: int) -> None:
        self._store = store
        self._leeway = leeway_seconds

    async def revoke(self, claims: Claims) -> None:
        """Revoke a token. Other instances that share the store accept it for at most 1 s after this returns."""
        await self._store.write(Revoke(claims.jti, claims.exp + self._leeway))

    async def has(self, claims: Claims) -> bool:
        """Return whether a token, or the session it belongs to, is revoked."""
        return await self._store.revoked(claims.jti, claims.sid)

    async def purge(self) -> None:
        """Delete expired revocations and idempotency keys periodically, until cancelled."""
        while True:
            await asyncio.sleep(PURGE_SECONDS)
            try:
                await self._store.purge(int(time.time()))
            except StoreError as error:
                log.warning("cannot purge expired keys, will try again: %s", error)
