"""Issues and reads JWTs (RFC 7519) with a ring of keys: the first signs, all verify."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from jwt.utils import base64url_decode, base64url_encode

from service.errors import StartupError
from service.settings.schema import JwtSettings

LONGEST = 4096
"""Characters of a token that is looked at."""
REMEMBERED = 10_000
"""Verified tokens that are kept, so that using one again costs no signature."""

SUBJECT = re.compile(r"[1-9][0-9]{0,15}")
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)")

warnings.filterwarnings("ignore", category=jwt.InsecureKeyLengthWarning)  # secret.py says it, once and in our words


class InvalidToken(Exception):
    """Not a token that this service issued, or not for this use of it."""


class ExpiredToken(InvalidToken):
    """A good token whose time is over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. Times are epoch seconds."""

    user: int
    type: str
    jti: str
    sid: str
    iat: int
    nbf: int
    exp: int
    fresh: bool


class Pair(NamedTuple):
    """What a login gives."""

    access: str
    refresh: str


class Key(NamedTuple):
    """A key of the ring; `sign` is None where it only verifies."""

    id: str
    sign: Any
    verify: Any


class Tokens:
    """Issues and reads the tokens of one service. `clock` gives epoch seconds."""

    def __init__(self, settings: JwtSettings, secret: str, clock: Callable[[], float] = time.time) -> None:
        """Raises StartupError if a secret is no key of the algorithm."""
        self._settings = settings
        self._clock = clock
        ring = [_key(text, settings.algorithm) for text in (secret, *settings.old_secrets)]
        self._signer = ring[0]
        self._ring = {key.id: key for key in ring}
        self._remembered: dict[str, Claims] = {}

    def pair(self, user: int) -> Pair:
        """Tokens for a user who has just shown the password: a new family (`sid`)."""
        sid = secrets.token_hex(16)
        return Pair(self._issue(user, "access", sid, fresh=True), self._issue(user, "refresh", sid, fresh=False))

    def renewed(self, claims: Claims) -> str:
        """A new access token in the family of a refresh token."""
        return self._issue(claims.user, "access", claims.sid, fresh=False)

    def read(self, text: str) -> Claims:
        """The claims of a token that is valid now. Raises InvalidToken, ExpiredToken."""
        claims = self._remembered.get(text)
        if claims is None:
            claims = self._verified(text)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[text] = claims
        self._check_time(claims)
        return claims

    def _issue(self, user: int, type: str, sid: str, *, fresh: bool) -> str:
        settings, now = self._settings, int(self._clock())
        claims = {
            "iss": settings.issuer,
            "aud": settings.audience,
            "sub": str(user),
            "iat": now,
            "nbf": now,
            "exp": now + self._life(type),
            "jti": secrets.token_hex(16),
            "sid": sid,
            "type": type,
            "fresh": fresh,
        }
        return jwt.encode(claims, self._signer.sign, settings.algorithm, headers={"kid": self._signer.id})

    def _life(self, type: str) -> int:
        return self._settings.access_seconds if type == "access" else self._settings.refresh_seconds

    def _verified(self, text: str) -> Claims:
        """The claims behind a signature of ours, whatever the time is."""
        if len(text) > LONGEST or (match := COMPACT.fullmatch(text)) is None:
            raise InvalidToken
        try:
            # Several texts decode to one signature (RFC 4648, 3.5); only the canonical one is ours.
            if base64url_encode(base64url_decode(match[1])) != match[1].encode():
                raise InvalidToken
            key = self._key_of(jwt.get_unverified_header(text))
            options: Any = {"verify_signature": True, "verify_aud": False, "verify_iss": False, "verify_exp": False}
            options |= {"verify_nbf": False, "verify_iat": False, "verify_sub": False, "verify_jti": False}
            payload = jwt.decode(text, key.verify, algorithms=[self._settings.algorithm], options=options)
            return self._claims(payload)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise InvalidToken from error

    def _key_of(self, header: Mapping[str, Any]) -> Key:
        """The key a header names. A header says alg, typ and kid and nothing else, so that nothing else can matter."""
        if header.keys() - {"alg", "typ", "kid"} or header.get("typ") != "JWT":
            raise InvalidToken
        if header.get("alg") != self._settings.algorithm:
            raise InvalidToken
        kid = header.get("kid", self._signer.id)
        if not isinstance(kid, str) or kid not in self._ring:
            raise InvalidToken
        return self._ring[kid]

    def _claims(self, payload: Mapping[str, Any]) -> Claims:
        """The claims, each there and of its type (`bool` is no `int` here). Raises InvalidToken."""
        settings = self._settings
        sub, type, fresh = (payload.get(name) for name in ("sub", "type", "fresh"))
        jti, sid, *times = (payload.get(name) for name in ("jti", "sid", "iat", "nbf", "exp"))
        good = (
            payload.get("iss") == settings.issuer
            and payload.get("aud") == settings.audience
            and isinstance(sub, str)
            and SUBJECT.fullmatch(sub) is not None
            and type in ("access", "refresh")
            and isinstance(fresh, bool)
            and all(isinstance(id, str) and 0 < len(id) <= 64 for id in (jti, sid))
            and all(isinstance(number, int) and not isinstance(number, bool) for number in times)
        )
        if not good or times[2] - times[0] > self._life(type):  # type: ignore[operator, arg-type]  # both checked above
            raise InvalidToken
        iat, nbf, exp = times
        return Claims(int(sub), type, jti, sid, iat, nbf, exp, fresh)  # type: ignore[arg-type]  # checked above

    def _check_time(self, claims: Claims) -> None:
        now, leeway = self._clock(), self._settings.leeway_seconds
        if now >= claims.exp + leeway:
            raise ExpiredToken
        if claims.iat > now + leeway or claims.nbf > now + leeway:
            raise InvalidToken


def _key(secret: str, algorithm: str) -> Key:
    """The key of a secret; its id is derived from it, so that all instances agree."""
    if algorithm == "HS256":
        raw = secret.encode()
        return Key(_thumbprint(b"HS256" + raw), raw, raw)
    try:
        private = load_pem_private_key(secret.encode(), None)
    except (ValueError, TypeError) as error:
        raise StartupError(f"jwt.secret is no private key in PEM, which EdDSA wants: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise StartupError("jwt.secret is no Ed25519 key; make one: openssl genpkey -algorithm ed25519")
    public = private.public_key()
    return Key(_thumbprint(public.public_bytes(Encoding.Raw, PublicFormat.Raw)), private, public)


def _thumbprint(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]
