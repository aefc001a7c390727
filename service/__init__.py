"""Shipyard's front door: all that a plugin may import, and nothing else."""

from service.access import Rule, owner, public, refresh, unauthorized, user
from service.accounts import USERS, Accounts
from service.answer import Answer
from service.body import read_object
from service.document import load
from service.errors import Refusal
from service.keys import ACCOUNTS, BLOCKLIST, CLAIMS, PASSWORDS, REQUEST_ID, SETTINGS, STORE, TOKENS
from service.marks import docs, request_schema, response_schema
from service.passwords import is_hash, not_too_long
from service.resource import Resource
from service.store.base import (
    Add,
    Collection,
    Condition,
    Field,
    Once,
    Page,
    Query,
    Record,
    Remove,
    Replace,
    Sort,
    Store,
    StoreError,
)
from service.text import Line
from service.tokens import Claims

__all__ = [
    "ACCOUNTS",
    "BLOCKLIST",
    "CLAIMS",
    "PASSWORDS",
    "REQUEST_ID",
    "SETTINGS",
    "STORE",
    "TOKENS",
    "USERS",
    "Accounts",
    "Add",
    "Answer",
    "Claims",
    "Collection",
    "Condition",
    "Field",
    "Line",
    "Once",
    "Page",
    "Query",
    "Record",
    "Refusal",
    "Remove",
    "Replace",
    "Resource",
    "Rule",
    "Sort",
    "Store",
    "StoreError",
    "docs",
    "is_hash",
    "load",
    "not_too_long",
    "owner",
    "public",
    "read_object",
    "refresh",
    "request_schema",
    "response_schema",
    "unauthorized",
    "user",
]
