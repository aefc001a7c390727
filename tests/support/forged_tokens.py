"""Tokens signed with the right key, with arbitrary headers and claims."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.utils import base64url_encode

from service.auth.tokens import Tokens
from service.testing import SECRET, settings_for_tests

NOW = 1_800_000_000


class Gone(Enum):
    """As the value of a claim or a header parameter: omit it."""

    GONE = "gone"


GONE = Gone.GONE
NOTHING: Mapping[str, Any] = {}

_PRIVATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"for tests only").digest())
SECRETS = {
    "HS256": SECRET,
    "EdDSA": _PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
}


def hmac_signed(key: bytes, header: bytes, payload: bytes, digest: str = "sha256") -> str:
    """Return a token signed with this HMAC key."""
    return compact(header, payload, lambda text: hmac.digest(key, text, digest))


def compact(header: bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the compact serialization of a signed token (RFC 7515, 3.1)."""
    text = base64url_encode(header) + b"." + base64url_encode(payload)
    return f"{text.decode()}.{base64url_encode(sign(text)).decode()}"


class Forge:
    """Creates tokens of one algorithm; `tokens` verifies them with the clock set to `now`."""

    def __init__(self, algorithm: str, **jwt_settings: Any) -> None:
        self.now: float = NOW
        settings = settings_for_tests(jwt={"algorithm": algorithm, **jwt_settings}).jwt
        self.tokens = Tokens(settings, SECRETS[algorithm], lambda: self.now)
        good = self.tokens.pair(1).access
        self.header = jwt.get_unverified_header(good)
        self.claims = jwt.decode(good, options={"verify_signature": False})

    def token(self, *, header: Mapping[str, Any] | bytes = NOTHING, claims: Mapping[str, Any] | bytes = NOTHING) -> str:
        """Return a valid token with these changes to its header and claims; bytes replace them."""
        return self.signed(raw(self.header, header), raw(self.claims, claims))

    def signed(self, header: bytes, payload: bytes) -> str:
        """Return a token of these two parts with a valid signature."""
        if self.header["alg"] == "EdDSA":
            return compact(header, payload, _PRIVATE.sign)
        return hmac_signed(SECRET.encode(), header, payload)


def raw(good: Mapping[str, Any], changed: Mapping[str, Any] | bytes) -> bytes:
    """Return a part as JSON with these members changed; bytes are returned unchanged."""
    if isinstance(changed, bytes):
        return changed
    return json.dumps({name: value for name, value in {**good, **changed}.items() if value is not GONE}).encode()
