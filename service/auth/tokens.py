"""Issue and verify JWTs (RFC 7519). Of several keys, the first one signs, and all of them verify."""

from __future__ import annotations

import re
import secrets
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

import jwt
from jwt.utils import base64url_decode, base64url_encode

from service.auth.jwt_keys import Key, key_of
from service.settings.schema import JwtSettings

MAX_LENGTH = 4096
"""Maximum length of a token in characters."""
MAX_CACHED = 10_000
"""Maximum number of verified tokens in the cache, whose signatures are not verified again."""
MAX_ID_LENGTH = 64
"""Maximum length of `jti` and `sid`."""

SUBJECT = re.compile(r"[1-9][0-9]{0,15}")
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)")

SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **dict.fromkeys((f"verify_{claim}" for claim in ("aud", "iss", "exp", "nbf", "iat", "sub", "jti")), False),
}
"""PyJWT's options: it verifies the signature; the claims are checked here, because PyJWT converts their types."""

warnings.filterwarnings("ignore", category=jwt.InsecureKeyLengthWarning)  # signing_key.py checks the length


class InvalidToken(Exception):
    """The token was not issued by this service, or is malformed."""


class ExpiredToken(InvalidToken):
    """The token is genuine but has expired."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token. Times are in seconds since the epoch."""

    user: int
    type: str
    jti: str
    sid: str
    iat: int
    nbf: int
    exp: int
    fresh: bool


class Pair(NamedTuple):
    """The tokens of a login."""

    access: str
    refresh: str


class Tokens:
    """Issues and verifies the tokens of a service. `clock` returns seconds since the epoch."""

    def __init__(self, settings: JwtSettings, secret: str, clock: Callable[[], float] = time.time) -> None:
        """Raises StartupError if a secret is not a key for the algorithm."""
        self._settings = settings
        self._clock = clock
        keys = [key_of(text, settings.algorithm) for text in (secret, *settings.old_secrets)]
        self._signer = keys[0]
        self._keys = {key.id: key for key in keys}
        self._cache: dict[str, Claims] = {}

    def pair(self, user: int) -> Pair:
        """Return the tokens of a new session (`sid`), for a user who has just logged in."""
        sid = secrets.token_hex(16)
        return Pair(self._issue(user, "access", sid, fresh=True), self._issue(user, "refresh", sid, fresh=False))

    def renew(self, claims: Claims) -> str:
        """Return a new access token of the session that a refresh token belongs to."""
        return self._issue(claims.user, "access", claims.sid, fresh=False)

    def read(self, text: str) -> Claims:
        """Return the claims of a token that is valid now. Raises InvalidToken, ExpiredToken."""
        claims = self._cache.get(text)
        if claims is None:
            claims = self._verify(text)
            if len(self._cache) >= MAX_CACHED:
                self._cache.pop(next(iter(self._cache)))
            self._cache[text] = claims
        self._check_times(claims)
        return claims

    def _issue(self, user: int, type: str, sid: str, *, fresh: bool) -> str:
        settings, now = self._settings, int(self._clock())
        claims = {
            "iss": settings.issuer,
            "aud": settings.audience,
            "sub": str(user),
            "iat": now,
            "nbf": now,
            "exp": now + self._lifetime(type),
            "jti": secrets.token_hex(16),
            "sid": sid,
            "type": type,
            "fresh": fresh,
        }
        return jwt.encode(claims, self._signer.sign, settings.algorithm, headers={"kid": self._signer.id})

    def _lifetime(self, type: str) -> int:
        return self._settings.access_seconds if type == "access" else self._settings.refresh_seconds

    def _verify(self, text: str) -> Claims:
        """Return the claims of a token after verifying all of it except its times. Raises InvalidToken."""
        if len(text) > MAX_LENGTH or (match := COMPACT.fullmatch(text)) is None:
            raise InvalidToken
        try:
            # Several texts decode to the same signature (RFC 4648, 3.5); only the canonical one is valid.
            if base64url_encode(base64url_decode(match[1])) != match[1].encode():
                raise InvalidToken
            key = self._key_of(jwt.get_unverified_header(text))
            payload = jwt.decode(text, key.verify, [self._settings.algorithm], SIGNATURE_ONLY)
            return self._claims(payload)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise InvalidToken from error

    def _key_of(self, header: Mapping[str, Any]) -> Key:
        """Return the key that verifies a token with this header. Raises InvalidToken.

        Parameters other than alg, typ and kid are rejected, so that none of them can have an effect.
        """
        if header.keys() - {"alg", "typ", "kid"} or header.get("typ") != "JWT":
            raise InvalidToken
        if header.get("alg") != self._settings.algorithm:
            raise InvalidToken
        kid = header.get("kid", self._signer.id)
        if not isinstance(kid, str) or kid not in self._keys:
            raise InvalidToken
        return self._keys[kid]

    def _claims(self, payload: Mapping[str, Any]) -> Claims:
        """Return the claims of a payload; each must be present and of its type. Raises InvalidToken."""
        if payload.get("iss") != self._settings.issuer or payload.get("aud") != self._settings.audience:
            raise InvalidToken
        sub, type, fresh = payload.get("sub"), payload.get("type"), payload.get("fresh")
        if not isinstance(sub, str) or SUBJECT.fullmatch(sub) is None:
            raise InvalidToken
        if type not in ("access", "refresh") or not isinstance(fresh, bool):
            raise InvalidToken
        jti, sid = payload.get("jti"), payload.get("sid")
        if not _is_id(jti) or not _is_id(sid):
            raise InvalidToken
        iat, nbf, exp = payload.get("iat"), payload.get("nbf"), payload.get("exp")
        if not _is_time(iat) or not _is_time(nbf) or not _is_time(exp) or exp - iat > self._lifetime(type):
            raise InvalidToken
        return Claims(int(sub), type, jti, sid, iat, nbf, exp, fresh)

    def _check_times(self, claims: Claims) -> None:
        """Raise ExpiredToken, or InvalidToken if the token is from the future."""
        now, leeway = self._clock(), self._settings.leeway_seconds
        if now >= claims.exp + leeway:
            raise ExpiredToken
        if claims.iat > now + leeway or claims.nbf > now + leeway:
            raise InvalidToken


def _is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH


def _is_time(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
