"""The users of the store: whether they exist, and which name and password belong to them."""

from __future__ import annotations

import logging

from service.auth.passwords import Passwords, is_hash
from service.errors import HTTPError
from service.store.base import Collection, Record, Store, StoreError

USERS = Collection("users", unique="name", write_only=("password",))
DEMO_USERS = (("user", "password"), ("guest", "guest"))
"""The names and passwords of the example's users, which are public."""

log = logging.getLogger("shipyard")


class Authenticator:
    """Checks users and their passwords against the store."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords

    async def exists(self, user: int) -> bool:
        """Return whether there is a user with this id."""
        return await self._store.get(USERS, user) is not None

    async def authenticate(self, name: str, password: str) -> int | None:
        """Return the id of the user with this name and password, or None.

        An unknown name takes as long as a wrong password.
        """
        record = await self._store.lookup(USERS, name)
        write_only = None if record is None else await self._store.write_only_fields(USERS, record.id)
        hash = None if write_only is None else write_only.get("password")
        if record is not None and hash is not None and not is_hash(hash):
            log.error("user %d cannot log in: the stored password is not an Argon2id hash", record.id)
            hash = None
        if not await self._passwords.verify(hash, password) or record is None or hash is None:
            return None
        if self._passwords.needs_rehash(hash):
            await self._rehash(record, password)
        return record.id

    async def demo_users(self) -> list[str]:
        """Return the names of the example's users that can log in with their public passwords."""
        return [name for name, password in DEMO_USERS if await self.authenticate(name, password) is not None]

    async def _rehash(self, record: Record, password: str) -> None:
        """Replace the stored hash by one with the current parameters, if the record has not changed meanwhile."""
        data = record.data
        del data["id"]
        try:
            new = {**data, "password": await self._passwords.hash(password)}
            await self._store.replace(USERS, record.id, new, record.revision)
        except (StoreError, HTTPError):
            return  # the old hash stays valid; the next login tries again
