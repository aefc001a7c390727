"""JWTs with PyJWT, for the peers that bring none of their own.

BENCH_REMEMBER=1: a verified token is remembered, as Shipyard does it; each use still checks expiry and blocklist.
"""

import os
import time
import uuid

import jwt

from bench.peers.given import SECRET, USERS

REVOKED: set[str] = set()
LIFE = {"access": 900, "refresh": 30 * 86400}
_remembered: dict[str, dict[str, object]] = {}


def issue(name: str) -> dict[str, str]:
    """The answer to a login."""
    return {f"{type}_token": _issue(name, type) for type in LIFE}


def _issue(name: str, type: str) -> str:
    now = int(time.time())
    claims = {"sub": str(USERS[name]), "iat": now, "exp": now + LIFE[type], "jti": str(uuid.uuid4()), "type": type}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def read(header: str | None) -> dict[str, object] | None:
    """The claims of an access token, from an Authorization header; None if there is no good one."""
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


def _remembering(token: str) -> dict[str, object]:
    claims = _remembered.get(token)
    if claims is None:
        claims = _verified(token)
        if len(_remembered) < 10_000:
            _remembered[token] = claims
    if claims["exp"] < time.time():
        raise jwt.ExpiredSignatureError
    return claims


_claims = _remembering if os.environ.get("BENCH_REMEMBER") else _verified
