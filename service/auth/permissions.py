"""Who may use a route. Each handler states one of these rules; middleware, API document and route table read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from aiohttp import hdrs, web

from service.auth.app_keys import AUTHENTICATOR, BLOCKLIST, CLAIMS, TOKENS
from service.auth.tokens import Claims, ExpiredToken, InvalidToken
from service.errors import HTTPError

Handler = TypeVar("Handler", bound=Callable[..., Any])
TokenType = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of access, used as the decorator that states it on a handler.

    token: the type of token that must come with the request; None for none.
    own: the path's `{id}` must be the user's own.
    """

    name: str
    token: TokenType | None = None
    own: bool = False

    def __call__(self, handler: Handler) -> Handler:
        """State this rule on a handler."""
        handler.access = self  # type: ignore[attr-defined]  # the mark itself
        return handler


public = Rule("public")
user = Rule("user", "access")
owner = Rule("owner", "access", own=True)
refresh = Rule("refresh", "refresh")
probe = Rule("probe")
"""Anyone, and even while more requests are under way than limits.in_flight."""


def rule_of(handler: Callable[..., Any]) -> Rule | None:
    """The rule a handler states, if it states one."""
    rule = getattr(handler, "access", None)
    return rule if isinstance(rule, Rule) else None


async def authorize(rule: Rule, request: web.Request) -> None:
    """Let a request pass under a rule, and keep its claims with it.

    Raises HTTPError: 401 (RFC 6750, 3), 403, and 422 for the wrong type of token.
    """
    if rule.token is None:
        return
    claims, app = _claims(request), request.app
    if claims.type != rule.token:
        raise HTTPError(422, error=f"Only {rule.token} tokens are allowed", code=f"{rule.token}_token_required")
    if await app[BLOCKLIST].has(claims):
        raise unauthorized("Token has been revoked")
    own = rule.own and request.match_info["id"] == str(claims.user)
    # One's own record answers for itself: 404 where it is gone.
    if not own and not await app[AUTHENTICATOR].exists(claims.user):
        raise unauthorized("Unauthorized", "Unknown user.", code="unknown_user")
    if rule.own and not own:
        raise HTTPError(403)
    request[CLAIMS] = claims


def unauthorized(
    error: str, message: str | None = None, *, code: str | None = None, challenge: str = 'Bearer error="invalid_token"'
) -> HTTPError:
    """A 401 with its challenge."""
    return HTTPError(401, message, error=error, code=code, headers={hdrs.WWW_AUTHENTICATE: challenge})


def _claims(request: web.Request) -> Claims:
    try:
        return request.app[TOKENS].read(_credentials(request))
    except ExpiredToken:
        raise unauthorized("Token has expired") from None
    except InvalidToken:
        raise unauthorized("Token is invalid") from None


def _credentials(request: web.Request) -> str:
    """The token of the Authorization header (RFC 6750, 2.1); nowhere else is one looked for."""
    sent = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(sent) > 1:
        challenge = {hdrs.WWW_AUTHENTICATE: 'Bearer error="invalid_request"'}
        raise HTTPError(400, "More than one Authorization header.", code="invalid_request", headers=challenge)
    scheme, _, token = sent[0].partition(" ") if sent else ("", "", "")
    if scheme.lower() != "bearer":
        if scheme[:7].lower() == "bearer\t":
            raise InvalidToken
        raise unauthorized("Missing Authorization Header", challenge="Bearer")
    return token
