"""The collections that the store tests use, and data for their records."""

from __future__ import annotations

from typing import Any

from service.store.base import Collection, Field

TEXT = Field("text", "text")
NUMBER = Field("number", "number")
BOOLEAN = Field("boolean", "boolean")
TEXTS = Field("texts", "texts")
NUMBERS = Field("numbers", "numbers")
PLAIN = Field("plain ♥", "text")
FIELDS = (TEXT, NUMBER, BOOLEAN, TEXTS, NUMBERS, PLAIN)

THINGS = Collection("things", indexed=(TEXT, NUMBER))
USERS = Collection("users", unique="name", write_only=("password", "notes"))
COLLECTIONS = (THINGS, USERS)

LATER = 2**40
"""A time far in the future, in epoch seconds."""


def user(name: str, **others: Any) -> dict[str, Any]:
    return {"name": name, "password": "secret", **others}
