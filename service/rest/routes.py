"""The routes of a Resource: one for each of its methods, with access rule and API description."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from aiohttp import web

from service import errors
from service.errors import HTTPError
from service.http.path_template import RECORD
from service.openapi.decorators import docs
from service.rest.route_docs import decorators
from service.rest.spec import ResourceSpec

VERBS = {
    "list": (web.get, ""),
    "add": (web.post, ""),
    "read": (web.get, RECORD),
    "replace": (web.put, RECORD),
    "patch": (web.patch, RECORD),
    "remove": (web.delete, RECORD),
}


def routes_of(resource: ResourceSpec) -> list[web.RouteDef]:
    """Return a route for each method of a resource, with the method's access rule even if it is overridden."""
    return [route(resource.path + end, _handler(resource, verb)) for verb, (route, end) in VERBS.items()]


def _handler(resource: ResourceSpec, verb: str) -> Any:
    method = getattr(resource, verb)
    handler: Any = partial(method)  # a partial can have attributes, a bound method cannot
    handler.__name__, handler.__doc__ = verb, method.__doc__
    handler.resource = resource  # discovery finds the resources of a plugin by it
    for decorate in (*decorators(resource, verb), docs(errors=list(_errors(resource, verb)))):
        handler = decorate(handler)
    return resource.access[verb](handler)


def _errors(resource: ResourceSpec, verb: str) -> Iterator[HTTPError]:
    """Return the errors of a method, except those that follow from its access rule and its input."""
    if verb == "read":
        yield errors.INVALID_PARAMETERS()
    if verb == "add":
        yield errors.INVALID_IDEMPOTENCY_KEY()
        yield errors.IDEMPOTENCY_KEY_IN_USE()
        yield errors.IDEMPOTENCY_KEY_REUSED()
    if verb in ("replace", "patch"):
        yield errors.ID_MISMATCH()
    if verb in ("add", "replace", "patch"):
        yield errors.VALUE_TOO_LONG()
        if resource.collection.unique:
            yield errors.ALREADY_EXISTS(noun=resource.noun)
    if verb in ("replace", "patch", "remove"):
        yield errors.RECORD_CHANGED()
        yield errors.IF_MATCH_REQUIRED()
