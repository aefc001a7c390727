"""The typed keys of what all handlers use: settings, store, request id."""

from __future__ import annotations

from aiohttp import web

from service.settings.schema import Settings
from service.store.base import Store

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
STORE: web.AppKey[Store] = web.AppKey("store")
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
