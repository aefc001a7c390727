"""The typed keys of authentication: tokens, revocation, passwords, users, and the claims of a request."""

from __future__ import annotations

from aiohttp import web

from service.auth.fingerprint import Fingerprint
from service.auth.passwords import Passwords
from service.auth.revocation import Blocklist
from service.auth.tokens import Claims, Tokens
from service.auth.users import Authenticator

TOKENS: web.AppKey[Tokens] = web.AppKey("tokens", Tokens)
BLOCKLIST: web.AppKey[Blocklist] = web.AppKey("blocklist", Blocklist)
FINGERPRINT: web.AppKey[Fingerprint] = web.AppKey("fingerprint", Fingerprint)
PASSWORDS: web.AppKey[Passwords] = web.AppKey("passwords", Passwords)
AUTHENTICATOR: web.AppKey[Authenticator] = web.AppKey("authenticator", Authenticator)
CLAIMS: web.RequestKey[Claims] = web.RequestKey("claims", Claims)
