"""Path templates in aiohttp's syntax, `/api/ships/{id:[0-9]+}`: their variables, and how paths are compared."""

from __future__ import annotations

import re

VARIABLE = re.compile(r"\{([A-Za-z_]\w*)(?::((?:[^{}]|\{[^{}]*\})+))?\}", re.ASCII)
ID = r"[1-9][0-9]{0,15}"
"""The pattern of a record's id: a positive integer without leading zeros."""
RECORD = f"/{{id:{ID}}}"
"""The last part of a record's path."""


def variables(path: str) -> dict[str, str]:
    """Return the variables of a path by name, each with its pattern ("" for aiohttp's default)."""
    return dict(VARIABLE.findall(path))


def plain(path: str) -> str:
    """Return a path without the patterns of its variables, as OpenAPI has it: `/api/ships/{id}`."""
    return VARIABLE.sub(r"{\1}", path)


def shape(path: str) -> str:
    """Return a path without names and patterns of its variables: two routes of one shape may match the same path."""
    return VARIABLE.sub("{}", path)
