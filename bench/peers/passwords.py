"""Argon2id with Shipyard's parameters: 19 MiB, two passes, one lane."""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from bench.peers.shared import DATA

hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
HASHES = {user["name"]: hasher.hash(user["password"]) for user in DATA["users"]}


def verify(name: str, password: str) -> bool:
    """Return whether this is the password of the user."""
    try:
        return hasher.verify(HASHES[name], password)
    except (KeyError, VerifyMismatchError):
        return False
