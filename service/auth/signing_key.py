"""The signing secret: where it comes from, and whether it is good enough."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from service.errors import StartupError
from service.settings.schema import ROOT, JwtSettings, Settings

LEAST_BYTES = 32
"""Of an HS256 key (RFC 7518, 3.2)."""

PUBLISHED = (
    *("secret", "changeme", "password", "example", "0123456789"),
    *("your-256-bit-secret", "a-string-secret-at-least-256-bits-long"),  # the examples of jwt.io
)
"""What nobody should sign with, however often it is repeated."""

log = logging.getLogger("shipyard")


def signing_secret(settings: Settings) -> str:
    """The secret to sign with; in development one is made at the first start. Raises StartupError."""
    jwt = settings.jwt
    secret = jwt.secret or _stored(jwt, make=not settings.production)
    if not secret:
        raise StartupError(
            "jwt.secret is missing: set SHIPYARD_JWT_SECRET, or SHIPYARD_JWT_SECRET_FILE to a file that holds it. "
            "To make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    if jwt.algorithm == "HS256":
        for name, key in (("jwt.secret", secret), *(("jwt.old_secrets: one", old) for old in jwt.old_secrets)):
            _check(name, key, strict=settings.production)
    return secret


def _check(name: str, secret: str, *, strict: bool) -> None:
    if (fault := weakness(secret)) is not None:
        if strict:
            raise StartupError(f"{name} {fault}; production wants {LEAST_BYTES} random bytes or more.")
        log.warning("%s %s; anyone may guess it.", name, fault)


def weakness(secret: str) -> str | None:
    """What is wrong with a secret, without saying what it is; None if nothing is."""
    size = len(secret.encode())
    if size < LEAST_BYTES:
        return f"has {size} bytes"
    if len(set(secret)) < 8:
        return f"is made of {len(set(secret))} different characters only"
    if any(not secret.lower().replace(known, "").strip("-_. !1") for known in PUBLISHED):
        return "is a published example"
    return None


def _stored(jwt: JwtSettings, *, make: bool) -> str:
    if not jwt.secret_file:
        return ""
    path = ROOT / jwt.secret_file
    try:
        if make and not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise StartupError(f"jwt.secret_file {path}: others may read it; run: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise StartupError(f"jwt.secret_file {path}: cannot be used: {error}") from error


def _make(path: Path) -> None:
    """Write a new secret; of several starting at once, the first wins and the others read its."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    try:
        os.link(draft, path)
        log.info("made a signing key: %s", path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
