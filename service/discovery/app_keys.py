"""Typed application keys: the plugins that are loaded, and those that are skipped."""

from __future__ import annotations

from aiohttp import web

from service.discovery.plugin import Plugin

PLUGINS: web.AppKey[tuple[Plugin, ...]] = web.AppKey("plugins", tuple)
SKIPPED: web.AppKey[tuple[str, ...]] = web.AppKey("plugins_skipped", tuple)
"""The names of the plugins that plugins.on_error = "skip" left out."""
