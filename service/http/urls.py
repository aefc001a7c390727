"""The URLs under which clients reach the service."""

from __future__ import annotations

from aiohttp import web

from service.http.app_keys import SETTINGS


def external_url(request: web.Request, path: str) -> str:
    """The absolute URL under which clients reach a path: from the setting public_url, else as they said it."""
    base = request.app[SETTINGS].public_url or f"{request.scheme}://{request.host}"
    return base + path
