"""Argon2id (RFC 9106), in a pool of its own: a hash takes about 20 ms, and the event loop must not wait for it."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type
from marshmallow import ValidationError

from service import errors

Result = TypeVar("Result")

LONGEST_BYTES = 1024
"""Of a password in UTF-8: more is refused, nothing is cut off."""
WAITING = 100
"""Hashes that may wait for a thread; more are refused at once (503)."""


class Passwords:
    """Hashes and verifies passwords."""

    def __init__(self, threads: int) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._nobody = _no_hash(self._hasher)
        self._waiting = 0
        self._closed = False

    async def hash(self, password: str) -> str:
        """The hash to keep, in PHC form. Raises HTTPError 503 when too many wait."""
        return await self._run(self._hash, password)

    async def verify(self, hash: str | None, password: str) -> bool:
        """Whether the password belongs to the hash. Without a hash: no, after the same time."""
        return await self._run(self._verify, self._nobody if hash is None else hash, password) and hash is not None

    def outdated(self, hash: str) -> bool:
        """Whether a verified hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hash)

    async def ping(self) -> None:
        """Raise RuntimeError if the pool is closed. It does not wait for a thread: many logins are no failure."""
        if self._closed:
            raise RuntimeError("the password pool is closed")

    def close(self) -> None:
        """Let the threads go."""
        self._closed = True
        self._pool.shutdown()

    async def _run(self, work: Callable[..., Result], *args: str) -> Result:
        if self._waiting >= WAITING:
            raise errors.TOO_MANY_LOGINS()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def _verify(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, ValueError):  # not this password's, or no hash at all
            return False


def _no_hash(hasher: PasswordHasher) -> str:
    """What looks and takes time like a hash, and is that of no password anybody knows."""
    salt, tag = (b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${tag}"


def check_password_bytes(password: str) -> None:
    """Raises ValidationError if a password has more than LONGEST_BYTES."""
    if len(password.encode()) > LONGEST_BYTES:
        raise ValidationError(f"Longer than {LONGEST_BYTES} bytes.")


def is_hash(text: str) -> bool:
    """Whether a text is an Argon2id hash that can be verified."""
    try:
        return extract_parameters(text).type is Type.ID
    except InvalidHashError:
        return False
