"""aiohttp-apispec's decorators, typed: what a handler says about itself for the API document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

# The package has no types of its own.
from aiohttp_apispec import docs as _docs  # type: ignore[import-untyped]
from aiohttp_apispec import request_schema as _request_schema
from aiohttp_apispec import response_schema as _response_schema
from marshmallow import Schema

Handler = TypeVar("Handler", bound=Callable[..., Any])


def docs(**operation: Any) -> Callable[[Handler], Handler]:
    """Members of the OpenAPI operation: summary, description, tags, parameters, responses, ..."""
    return _docs(**operation)  # type: ignore[no-any-return]


def request_schema(schema: type[Schema] | Schema, **options: Any) -> Callable[[Handler], Handler]:
    """The body that the handler reads; `example=` shows one."""
    return _request_schema(schema, **options)  # type: ignore[no-any-return]


def response_schema(
    schema: type[Schema] | Schema, code: int = 200, description: str = ""
) -> Callable[[Handler], Handler]:
    """The body of the answer with this status."""
    return _response_schema(schema, code, description=description)  # type: ignore[no-any-return]
