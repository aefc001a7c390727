"""Request ids: sent by the client or the proxy, or generated."""

from __future__ import annotations

import re
import secrets
from itertools import count

from multidict import istr

HEADER = istr("X-Request-ID")
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_prefix, _numbers = secrets.token_hex(6), count(1)


def new_request_id(sent: str | None = None) -> str:
    """Return the id that was sent if it is valid, else a new one."""
    return sent if sent is not None and ID.fullmatch(sent) else f"{_prefix}-{next(_numbers)}"
