"""Keyed digests: whether two texts are equal can be checked without storing them."""

from __future__ import annotations

import hashlib
import hmac


class Fingerprint:
    """HMAC-SHA256 (RFC 2104) under a key derived from the signing secret, so that stored digests cannot be guessed."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"fingerprint\0" + secret.encode()).digest()

    def of(self, text: bytes) -> str:
        """Return the digest of a text, in hex."""
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()
