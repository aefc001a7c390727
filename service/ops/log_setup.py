"""The log: one line for each thing said, to standard error, without secrets."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from service.settings.schema import Settings

FORMAT = "%(asctime)s %(levelname)s %(message)s"
SHORTEST = 6
"""Characters of a secret that is looked for; shorter ones would blot out ordinary words."""

_hidden: set[str] = set()


class Formatter(logging.Formatter):
    """Writes *** for each secret that `hide` was told of, wherever it comes from: a message, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in _hidden:
            line = line.replace(secret, "***")
        return line


def start() -> None:
    """Begin to log."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def hide(settings: Settings, signing_secret: str) -> None:
    """Keep the secrets of a service out of the log."""
    password = urlsplit(settings.store).password or ""
    secrets = (signing_secret, *settings.jwt.old_secrets, password)
    _hidden.update(secret for secret in secrets if len(secret) >= SHORTEST)
