"""The configuration of the log: to standard error, with secrets redacted."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from service.settings.schema import Settings

FORMAT = "%(asctime)s %(levelname)s %(message)s"
MIN_LENGTH = 6
"""Minimum length of a secret that is redacted; redacting shorter ones would also redact ordinary words."""

_secrets: set[str] = set()


class Formatter(logging.Formatter):
    """Replaces each secret that was passed to `redact_secrets` by ***, in messages and in tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in _secrets:
            line = line.replace(secret, "***")
        return line


def start() -> None:
    """Configure logging for this process."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def redact_secrets(settings: Settings, signing_secret: str) -> None:
    """Redact the secrets of these settings, and the signing secret, in everything that is logged."""
    password = urlsplit(settings.store).password or ""
    secrets = (signing_secret, *settings.jwt.old_secrets, password)
    _secrets.update(secret for secret in secrets if len(secret) >= MIN_LENGTH)
