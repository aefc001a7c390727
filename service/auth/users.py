"""Who can log in: the users of the store, by name and password."""

from __future__ import annotations

import logging

from service.auth.passwords import Passwords, is_hash
from service.errors import HTTPError
from service.store.base import Collection, Store, StoreError

USERS = Collection("users", unique="name", write_only=("password",))
DEMO_USERS = (("user", "password"), ("guest", "guest"))
"""The example's users, whose passwords everybody knows."""

log = logging.getLogger("shipyard")


class Authenticator:
    """The users as tokens and logins see them."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords

    async def exists(self, user: int) -> bool:
        """Whether there is a user of this id."""
        return await self._store.get(USERS, user) is not None

    async def authenticate(self, name: str, password: str) -> int | None:
        """The id of the user with this name and password. A wrong name takes as long as a wrong password."""
        record = await self._store.lookup(USERS, name)
        hidden = None if record is None else await self._store.write_only_fields(USERS, record.id)
        hash = None if hidden is None else hidden.get("password")
        if record is not None and hash is not None and not is_hash(hash):
            log.error("user %d cannot log in: what is kept as the password is no Argon2id hash", record.id)
            hash = None
        if not await self._passwords.verify(hash, password) or record is None or hash is None:
            return None
        if self._passwords.outdated(hash):
            await self._rehash(record.id, record.revision, record.data, password)
        return record.id

    async def demo_users(self) -> list[str]:
        """The names of the example's users that can still log in."""
        return [name for name, password in DEMO_USERS if await self.authenticate(name, password) is not None]

    async def _rehash(self, id: int, revision: int, data: dict[str, object], password: str) -> None:
        del data["id"]
        try:
            await self._store.replace(USERS, id, {**data, "password": await self._passwords.hash(password)}, revision)
        except (StoreError, HTTPError):
            return  # the old hash does for another login: the user is changing, or there is no room to do it now
