"""Health endpoints: whether the process runs, and whether it can handle requests."""

from __future__ import annotations

import logging

from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import List, String

from service import errors
from service.auth.permissions import probe
from service.discovery.app_keys import SKIPPED
from service.http.app_keys import STORE
from service.http.response import JSONResponse
from service.openapi.decorators import docs, response_schema
from service.ops.checks import READINESS_CHECKS, failed_checks

TIMEOUT_SECONDS = 1.0

log = logging.getLogger("shipyard")


class LiveSchema(Schema):
    """The process is running."""

    status = String(required=True, metadata={"example": "live"})


class ReadySchema(Schema):
    """The service is ready. `store` is the kind of its store."""

    status = String(required=True, metadata={"example": "ready"})
    store = String(required=True, metadata={"example": "memory"})
    plugins_skipped = List(String(metadata={"example": "planets"}), required=True)


@probe
@docs(summary="Check that the process is running", tags=["service"])
@response_schema(LiveSchema, 200, "The process is running.")
async def live(request: web.Request) -> web.StreamResponse:  # noqa: ARG001  # every handler takes the request
    """GET /health/live: runs no readiness check."""
    return JSONResponse({"status": "live"})


@probe
@docs(
    summary="Check that the service is ready to handle requests",
    tags=["service"],
    errors=[errors.NOT_READY.example()],
)
@response_schema(ReadySchema, 200, "The service is ready.")
async def ready(request: web.Request) -> web.StreamResponse:
    """GET /health/ready: runs all readiness checks. Raises HTTPError 503 with the names of those that fail."""
    app = request.app
    checks = app[READINESS_CHECKS]
    failed = await failed_checks(checks, TIMEOUT_SECONDS)
    if failed:
        log.warning("not ready: %s", "; ".join(f"{name}: {reason}" for name, reason in sorted(failed.items())))
        raise errors.NOT_READY(failing=", ".join(sorted(failed)))
    kind = app[STORE].name.partition(":")[0]
    return JSONResponse({"status": "ready", "store": kind, "plugins_skipped": app[SKIPPED]})


routes = [web.get("/health/live", live), web.get("/health/ready", ready)]
