"""The API document (OpenAPI 3.1), generated from the decorators and access rules of the handlers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web
from apispec import APISpec
from apispec.core import VALID_METHODS_OPENAPI_V3

from service.http.path_template import plain
from service.openapi.components import declare
from service.openapi.examples import exemplify
from service.openapi.operation import describe
from service.openapi.schemas import Schemas

ABOUT = """\
Log in with `POST /auth/login`, press **Authorize** and paste the `access_token`; for routes that
require a refresh token, the `refresh_token`. Every error has the body `Error`. `HEAD` works wherever `GET` does."""

# Relative to the URL of the document, /api/docs/openapi.json, so that it is correct behind any path prefix.
SERVERS = [{"url": "../..", "description": "this service"}]


def document(routes: Iterable[tuple[str, web.RouteDef]], *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of these routes, each with the name of its plugin (its tag by default).

    What the decorators do not set (summaries, errors, examples) is derived from method, path, schemas and access rule.
    The result is the same for the same routes. Raises apispec's APISpecError.
    """
    schemas = Schemas()
    spec = APISpec(title, version, "3.1.0", [schemas.plugin], info={"description": ABOUT}, servers=SERVERS)
    declare(spec.components)
    tags: dict[str, None] = {}
    for plugin, route in routes:
        method = route.method.lower()
        # OpenAPI 3.1 has no other methods, and no `*`.
        if method in VALID_METHODS_OPENAPI_V3:
            operation = describe(route, plugin, schemas)
            spec.path(plain(route.path), operations={method: operation})
            tags |= dict.fromkeys(operation["tags"])
    for tag in tags:
        spec.tag({"name": tag})
    return exemplify(spec.to_dict())
