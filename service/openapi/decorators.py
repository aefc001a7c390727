"""aiohttp-apispec's decorators, typed: what a handler says about itself for the API document."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

# The package has no types of its own.
from aiohttp_apispec import docs as _docs  # type: ignore[import-untyped]
from aiohttp_apispec import request_schema as _request_schema
from aiohttp_apispec import response_schema as _response_schema
from marshmallow import Schema

Handler = TypeVar("Handler", bound=Callable[..., Any])


def docs(**operation: Any) -> Callable[[Handler], Handler]:
    """Members of the OpenAPI operation: summary, description, tags, parameters, responses, ...

    A parameter may be the name of a common one: `If-Match`, `If-None-Match`, `Idempotency-Key`. The `headers` of a
    response are names too: `Location`, `ETag`, `Link`, `X-Total-Count`. A response from 400 on is a refusal, and its
    description the `message` it has; `refusals=` takes whole ones, as they are raised.
    """
    # The package's decorator forgets parameters and responses once it has been used; a new one each time does not.
    return lambda handler: _docs(**operation)(handler)


def request_schema(schema: type[Schema] | Schema, **options: Any) -> Callable[[Handler], Handler]:
    """The body that the handler reads; `example=` shows one."""
    return _request_schema(schema, **options)  # type: ignore[no-any-return]


def response_schema(
    schema: type[Schema] | Schema, code: int = 200, description: str = "", *, headers: Collection[str] = ()
) -> Callable[[Handler], Handler]:
    """The body of the answer with this status, and the names of its headers as in `docs`."""

    def mark(handler: Handler) -> Handler:
        marked = _response_schema(schema, code, description=description)(handler)
        marked.__apispec__["responses"][str(code)]["headers"] = headers
        return marked  # type: ignore[no-any-return]

    return mark
