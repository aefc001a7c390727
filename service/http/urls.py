"""The URLs under which clients reach the service."""

from __future__ import annotations

from aiohttp import web

from service.http.app_keys import SETTINGS


def external_url(request: web.Request, path: str) -> str:
    """Return the absolute URL of a path for clients: below the setting public_url, else below the request's Host."""
    base = request.app[SETTINGS].public_url or f"{request.scheme}://{request.host}"
    return base + path
