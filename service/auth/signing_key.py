"""The signing secret: from the settings or from a file, generated in development, checked for strength."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from service.errors import StartupError
from service.settings.schema import ROOT, JwtSettings, Settings

MIN_BYTES = 32
"""Minimum length of an HS256 key (RFC 7518, 3.2)."""
MIN_DIFFERENT_CHARACTERS = 8

PUBLISHED = (
    *("secret", "changeme", "password", "example", "0123456789"),
    *("your-256-bit-secret", "a-string-secret-at-least-256-bits-long"),  # the examples of jwt.io
)
"""Well-known example secrets, which are weak however often they are repeated."""

log = logging.getLogger("shipyard")


def signing_secret(settings: Settings) -> str:
    """Return the secret that signs tokens; in development, generate it at the first start. Raises StartupError."""
    jwt = settings.jwt
    secret = jwt.secret or _from_file(jwt, generate=not settings.production)
    if not secret:
        raise StartupError(
            "jwt.secret is missing: set SHIPYARD_JWT_SECRET, or SHIPYARD_JWT_SECRET_FILE to a file that contains it. "
            "To generate one: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    if jwt.algorithm == "HS256":
        for name, key in (("jwt.secret", secret), *(("jwt.old_secrets: one", old) for old in jwt.old_secrets)):
            _check(name, key, strict=settings.production)
    return secret


def _check(name: str, secret: str, *, strict: bool) -> None:
    """Raise StartupError for a weak secret if `strict`, else log a warning."""
    if (reason := weakness(secret)) is not None:
        if strict:
            raise StartupError(f"{name} {reason}; production requires {MIN_BYTES} random bytes or more.")
        log.warning("%s %s; it can be guessed.", name, reason)


def weakness(secret: str) -> str | None:
    """Return why a secret is weak, without any part of it; None if it is strong enough."""
    size = len(secret.encode())
    if size < MIN_BYTES:
        return f"has {size} bytes"
    if len(set(secret)) < MIN_DIFFERENT_CHARACTERS:
        return f"has only {len(set(secret))} different characters"
    if any(not secret.lower().replace(known, "").strip("-_. !1") for known in PUBLISHED):
        return "is a published example"
    return None


def _from_file(jwt: JwtSettings, *, generate: bool) -> str:
    """Return the content of jwt.secret_file, "" if it is not set. `generate`: create the file if it is missing."""
    if not jwt.secret_file:
        return ""
    path = ROOT / jwt.secret_file
    try:
        if generate and not path.exists():
            _generate(path)
        if path.stat().st_mode & 0o077:
            raise StartupError(f"jwt.secret_file {path}: other users can read it; run: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise StartupError(f"jwt.secret_file {path}: cannot be used: {error}") from error


def _generate(path: Path) -> None:
    """Write a new secret to a file, unless a process that started at the same time has already written one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    try:
        # A link, not a rename: it is atomic and does not replace an existing file.
        os.link(draft, path)
        log.info("generated a signing key: %s", path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
