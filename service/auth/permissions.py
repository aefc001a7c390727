"""Access rules: who may use a route. Each handler has one, set by a decorator; the middleware applies it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from aiohttp import hdrs, web

from service import errors
from service.auth.app_keys import AUTHENTICATOR, BLOCKLIST, CLAIMS, TOKENS
from service.auth.tokens import Claims, ExpiredToken, InvalidToken
from service.errors import ErrorType

Handler = TypeVar("Handler", bound=Callable[..., Any])
TokenType = Literal["access", "refresh"]

TOKEN_REQUIRED: dict[str, ErrorType] = {
    "access": errors.ACCESS_TOKEN_REQUIRED,
    "refresh": errors.REFRESH_TOKEN_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """An access rule, used as a decorator of a handler.

    token: the type of token that a request must have; None for none.
    own: the `{id}` in the path must be the id of the token's user.
    """

    name: str
    token: TokenType | None = None
    own: bool = False

    def __call__(self, handler: Handler) -> Handler:
        """Set this rule on a handler."""
        handler.access = self  # type: ignore[attr-defined]  # functions have no such attribute
        return handler


public = Rule("public")
user = Rule("user", "access")
owner = Rule("owner", "access", own=True)
refresh = Rule("refresh", "refresh")
probe = Rule("probe")
"""Like public, and served even when limits.in_flight is reached: for health checks and metrics."""


def rule_of(handler: Callable[..., Any]) -> Rule | None:
    """Return the access rule of a handler, or None."""
    rule = getattr(handler, "access", None)
    return rule if isinstance(rule, Rule) else None


async def authorize(rule: Rule, request: web.Request) -> None:
    """Check a request against a rule, and store the claims of its token in the request.

    Raises HTTPError: 401 (RFC 6750, 3), 403, and 422 for the wrong type of token.
    """
    if rule.token is None:
        return
    claims, app = _claims(request), request.app
    if claims.type != rule.token:
        raise TOKEN_REQUIRED[rule.token]()
    if await app[BLOCKLIST].has(claims):
        raise errors.TOKEN_REVOKED()
    own = rule.own and request.match_info["id"] == str(claims.user)
    # A user's own record needs no look-up here: its handler responds with 404 if it does not exist.
    if not own and not await app[AUTHENTICATOR].exists(claims.user):
        raise errors.UNKNOWN_USER()
    if rule.own and not own:
        raise errors.NOT_OWNER()
    request[CLAIMS] = claims


def _claims(request: web.Request) -> Claims:
    """Return the claims of a request's token. Raises HTTPError 401."""
    try:
        return request.app[TOKENS].read(_token(request))
    except ExpiredToken:
        raise errors.TOKEN_EXPIRED() from None
    except InvalidToken:
        raise errors.TOKEN_INVALID() from None


def _token(request: web.Request) -> str:
    """Return the token of the Authorization header (RFC 6750, 2.1); other places are not accepted."""
    sent = request.headers.getall(hdrs.AUTHORIZATION, ())
    if not sent:
        raise errors.TOKEN_MISSING()
    if len(sent) > 1:
        raise errors.DUPLICATE_AUTHORIZATION()
    scheme, _, token = sent[0].partition(" ")
    if scheme.lower() == "bearer":
        return token
    if scheme[:7].lower() == "bearer\t":
        raise InvalidToken
    raise errors.UNSUPPORTED_SCHEME()
