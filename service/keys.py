"""The typed keys under which an app and a request carry what handlers share."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from service.accounts import Accounts
from service.blocklist import Blocklist
from service.passwords import Passwords
from service.settings import Settings
from service.store.base import Store
from service.tokens import Claims, Tokens

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
STORE: web.AppKey[Store] = web.AppKey("store")
TOKENS: web.AppKey[Tokens] = web.AppKey("tokens", Tokens)
BLOCKLIST: web.AppKey[Blocklist] = web.AppKey("blocklist", Blocklist)
PASSWORDS: web.AppKey[Passwords] = web.AppKey("passwords", Passwords)
ACCOUNTS: web.AppKey[Accounts] = web.AppKey("accounts", Accounts)

CLAIMS: web.RequestKey[Claims] = web.RequestKey("claims", Claims)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
SKIPPED: web.AppKey[tuple[str, ...]] = web.AppKey("plugins_skipped", tuple)
PLUGINS: web.AppKey[Any] = web.AppKey("plugins", tuple)
