"""Who may use a route. Every handler states one of these rules; the middleware, the API document, the route table read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

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


def rule_of(handler: Callable[..., Any]) -> Rule | None:
    """The rule a handler states, if it states one."""
    rule = getattr(handler, "access", None)
    return rule if isinstance(rule, Rule) else None
