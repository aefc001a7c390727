"""Password hashing with Argon2id (RFC 9106), in a thread pool: a hash takes about 20 ms of CPU time."""

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

MAX_BYTES = 1024
"""Maximum length of a password in UTF-8. A longer one is invalid; passwords are never truncated."""
MAX_PENDING = 100
"""Maximum number of calls that run or wait for a thread; further ones raise an error at once."""


class Passwords:
    """Hashes and verifies passwords in a pool of threads."""

    def __init__(self, threads: int) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._dummy_hash = _dummy_hash(self._hasher)
        self._pending = 0
        self._closed = False

    async def hash(self, password: str) -> str:
        """Return the hash to store, in PHC format. Raises HTTPError 503 if too many calls are pending."""
        return await self._run(self._hash, password)

    async def verify(self, hash: str | None, password: str) -> bool:
        """Return whether a password matches a hash. Without a hash, return False after the same time.

        Raises HTTPError 503 if too many calls are pending.
        """
        return await self._run(self._verify, self._dummy_hash if hash is None else hash, password) and hash is not None

    def needs_rehash(self, hash: str) -> bool:
        """Return whether a hash was made with other parameters than the current ones."""
        return self._hasher.check_needs_rehash(hash)

    async def ping(self) -> None:
        """Raise RuntimeError if the pool is closed. Does not wait for a thread: a busy pool is not a failure."""
        if self._closed:
            raise RuntimeError("the password pool is closed")

    def close(self) -> None:
        """Wait for the pending calls and stop the threads."""
        self._closed = True
        self._pool.shutdown()

    async def _run(self, function: Callable[..., Result], *args: str) -> Result:
        if self._pending >= MAX_PENDING:
            raise errors.TOO_MANY_LOGINS()
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)
        finally:
            self._pending -= 1

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def _verify(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, ValueError):  # the wrong password, or a malformed hash
            return False


def _dummy_hash(hasher: PasswordHasher) -> str:
    """Return a hash of no known password that takes as long to verify as a real one."""
    salt, tag = (b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${tag}"


def check_password_bytes(password: str) -> None:
    """Raise ValidationError if a password has more than MAX_BYTES."""
    if len(password.encode()) > MAX_BYTES:
        raise ValidationError(f"Longer than {MAX_BYTES} bytes.")


def is_hash(text: str) -> bool:
    """Return whether a text is an Argon2id hash with valid parameters."""
    try:
        return extract_parameters(text).type is Type.ID
    except InvalidHashError:
        return False
