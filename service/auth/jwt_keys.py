"""The keys that sign and verify tokens."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from service.errors import StartupError


class Key(NamedTuple):
    """A key: its id (`kid`), and what PyJWT signs and verifies with."""

    id: str
    sign: Any
    verify: Any


def key_of(secret: str, algorithm: str) -> Key:
    """Return the key of a secret. Its id is derived from the secret, so that it is the same in all instances.

    Raises StartupError if the secret is not a key for the algorithm.
    """
    if algorithm == "HS256":
        raw = secret.encode()
        return Key(_thumbprint(b"HS256" + raw), raw, raw)
    try:
        private = load_pem_private_key(secret.encode(), None)
    except (ValueError, TypeError) as error:
        raise StartupError(f"jwt.secret is not a private key in PEM format, which EdDSA requires: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise StartupError("jwt.secret is not an Ed25519 key; to generate one: openssl genpkey -algorithm ed25519")
    public = private.public_key()
    return Key(_thumbprint(public.public_bytes(Encoding.Raw, PublicFormat.Raw)), private, public)


def _thumbprint(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]
