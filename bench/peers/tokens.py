"""JWTs with PyJWT, for the frameworks without JWT support.

BENCH_CACHE_TOKENS=1: verified tokens are cached, as in Shipyard; each use still checks the expiry and the blocklist.
"""

import os
import time
import uuid

import jwt

from bench.peers.shared import SECRET, USERS

REVOKED: set[str] = set()
LIFETIMES = {"access": 900, "refresh": 30 * 86400}
_cache: dict[str, dict[str, object]] = {}


def issue(name: str) -> dict[str, str]:
    """Return the response to a login."""
    return {f"{type}_token": _issue(name, type) for type in LIFETIMES}


def _issue(name: str, type: str) -> str:
    now = int(time.time())
    claims = {"sub": str(USERS[name]), "iat": now, "exp": now + LIFETIMES[type], "jti": str(uuid.uuid4()), "type": type}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def read(header: str | None) -> dict[str, object] | None:
    """Return the claims of the access token in an Authorization header, or None if it is missing or invalid."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        claims = _claims(token)
    except jwt.InvalidTokenError:
        return None
    return claims if claims["type"] == "access" and claims["jti"] not in REVOKED else None


def _verified(token: str) -> dict[str, object]:
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "sub", "jti", "type"]})


def _cached(token: str) -> dict[str, object]:
    claims = _cache.get(token)
    if claims is None:
        claims = _verified(token)
        if len(_cache) < 10_000:
            _cache[token] = claims
    if claims["exp"] < time.time():
        raise jwt.ExpiredSignatureError
    return claims


_claims = _cached if os.environ.get("BENCH_CACHE_TOKENS") else _verified
