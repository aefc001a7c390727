"""Shipyard's public API for plugins: everything a plugin may import, and nothing else.

Names are imported on first use, so that `import service.store.memory` does not import the HTTP server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service import errors
    from service.auth.app_keys import AUTHENTICATOR, BLOCKLIST, CLAIMS, PASSWORDS, TOKENS
    from service.auth.passwords import check_password_bytes, is_hash
    from service.auth.permissions import Rule, owner, public, refresh, user
    from service.auth.tokens import Claims
    from service.auth.users import USERS, Authenticator
    from service.errors import HTTPError
    from service.http.app_keys import REQUEST_ID, SETTINGS, STORE
    from service.http.error_handlers import ERROR_HANDLERS
    from service.http.request_body import read_json_object
    from service.http.response import JSONResponse
    from service.openapi.decorators import docs, request_schema, response_schema
    from service.ops.checks import READINESS_CHECKS
    from service.rest.fields import Line
    from service.rest.record_schema import validate
    from service.rest.resource import Resource
    from service.store.base import (
        Add,
        Collection,
        Condition,
        Field,
        IdempotencyKey,
        Page,
        Query,
        Record,
        Remove,
        Replace,
        Sort,
        Store,
        StoreError,
    )

_HOME = {
    "service.auth.app_keys": ("AUTHENTICATOR", "BLOCKLIST", "CLAIMS", "PASSWORDS", "TOKENS"),
    "service.auth.passwords": ("check_password_bytes", "is_hash"),
    "service.auth.permissions": ("Rule", "owner", "public", "refresh", "user"),
    "service.auth.tokens": ("Claims",),
    "service.auth.users": ("USERS", "Authenticator"),
    "service.errors": ("HTTPError",),
    "service.http.app_keys": ("REQUEST_ID", "SETTINGS", "STORE"),
    "service.http.error_handlers": ("ERROR_HANDLERS",),
    "service.http.request_body": ("read_json_object",),
    "service.http.response": ("JSONResponse",),
    "service.openapi.decorators": ("docs", "request_schema", "response_schema"),
    "service.ops.checks": ("READINESS_CHECKS",),
    "service.rest.fields": ("Line",),
    "service.rest.record_schema": ("validate",),
    "service.rest.resource": ("Resource",),
    "service.store.base": (
        *("Add", "Collection", "Condition", "Field", "IdempotencyKey", "Page", "Query", "Record", "Remove", "Replace"),
        *("Sort", "Store", "StoreError"),
    ),
}

__all__ = [
    "AUTHENTICATOR",
    "BLOCKLIST",
    "CLAIMS",
    "ERROR_HANDLERS",
    "PASSWORDS",
    "READINESS_CHECKS",
    "REQUEST_ID",
    "SETTINGS",
    "STORE",
    "TOKENS",
    "USERS",
    "Add",
    "Authenticator",
    "Claims",
    "Collection",
    "Condition",
    "Field",
    "HTTPError",
    "IdempotencyKey",
    "JSONResponse",
    "Line",
    "Page",
    "Query",
    "Record",
    "Remove",
    "Replace",
    "Resource",
    "Rule",
    "Sort",
    "Store",
    "StoreError",
    "check_password_bytes",
    "docs",
    "errors",
    "is_hash",
    "owner",
    "public",
    "read_json_object",
    "refresh",
    "request_schema",
    "response_schema",
    "user",
    "validate",
]


if not TYPE_CHECKING:  # with it, type checkers accept every name

    def __getattr__(name: str) -> Any:
        if name == "errors":
            return import_module("service.errors")
        for module, names in _HOME.items():
            if name in names:
                value = globals()[name] = getattr(import_module(module), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
