"""The decorators of aiohttp-apispec, typed: they describe a handler for the API description."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

# The package is not typed.
from aiohttp_apispec import docs as _docs  # type: ignore[import-untyped]
from aiohttp_apispec import request_schema as _request_schema
from aiohttp_apispec import response_schema as _response_schema
from marshmallow import Schema

Handler = TypeVar("Handler", bound=Callable[..., Any])


def docs(**operation: Any) -> Callable[[Handler], Handler]:
    """Set members of the OpenAPI operation: summary, description, tags, parameters, responses, ...

    A parameter may be the name of a common one: `If-Match`, `If-None-Match`, `Idempotency-Key`. The `headers` of a
    response are names too: `Location`, `ETag`, `Link`, `X-Total-Count`. A response from 400 without a schema has the
    usual error body, and its description is the message. errors: HTTPErrors that the handler raises.
    """
    # The package's decorator loses parameters and responses after its first use, so each handler gets a new one.
    return lambda handler: _docs(**operation)(handler)


def request_schema(schema: type[Schema] | Schema, **options: Any) -> Callable[[Handler], Handler]:
    """Set the schema of the body that the handler reads; `example=` shows one."""
    return _request_schema(schema, **options)  # type: ignore[no-any-return]


def response_schema(
    schema: type[Schema] | Schema, code: int = 200, description: str = "", *, headers: Collection[str] = ()
) -> Callable[[Handler], Handler]:
    """Set the schema of the response with this status; headers are names, as in `docs`."""

    def decorate(handler: Handler) -> Handler:
        decorated = _response_schema(schema, code, description=description)(handler)
        decorated.__apispec__["responses"][str(code)]["headers"] = headers
        return decorated  # type: ignore[no-any-return]

    return decorate
