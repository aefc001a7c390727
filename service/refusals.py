"""What a store's errors are to a client."""

from __future__ import annotations

from aiohttp import hdrs

from service.conditional import stale
from service.errors import Refusal
from service.store.base import Full, Missing, Reused, Stale, StoreError, Taken, TooLong, Unavailable


def refusal_of(error: StoreError) -> Refusal:
    """The refusal that a store's error comes down to."""
    match error:
        case Missing():
            return Refusal(404)
        case Stale():
            return stale(error.current)
        case Taken():
            return Refusal(400, {error.field: ["Already taken."]}, code="already_exists")
        case Reused():
            return Refusal(422, "This Idempotency-Key was used for another request.", code="idempotency_key_reused")
        case Unavailable(unknown=True):
            return _later(error, "The outcome is unknown: look before you try again.")
        case Unavailable():
            return _later(error, "The store does not answer; try again.")
        case TooLong():
            return Refusal(400, "A value is too long for an indexed field.", code="too_long")
        case Full():
            return Refusal(507, "There is no room to write.")
    return Refusal(500)


def _later(error: Unavailable, message: str) -> Refusal:
    return Refusal(503, message, headers={hdrs.RETRY_AFTER: str(error.retry_after)})
