"""The table of error handlers: a plugin adds the handler of an exception of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from tests.support.requests import Client, error_body

if TYPE_CHECKING:
    from tests.support.distributions import Install

pytest_plugins = ["tests.support.distributions"]

MakeClient = Callable[..., Awaitable[Client]]

PLUGIN = """
from aiohttp import web
from service import ERROR_HANDLERS, HTTPError, public

class BaseError(Exception): pass
class MyError(BaseError): pass
class SubclassError(MyError): pass
class HandledError(MyError): pass

ERRORS = {error.__name__: error for error in (BaseError, MyError, SubclassError, HandledError)}

async def lifespan(app):
    app[ERROR_HANDLERS][MyError] = lambda request, error: HTTPError(418, f"{request.path}: {error}", code="my_error")
    app[ERROR_HANDLERS][HandledError] = lambda request, error: web.Response(status=202, text=str(error))
    yield

@public
async def fail(request):
    name = request.match_info["name"]
    raise ERRORS[name](f"from {name}")

routes = [web.get("/raise/{name}", fail)]
"""


@pytest.fixture
async def plugin_client(install: Install, make_client: MakeClient) -> Client:
    install("errors", PLUGIN)
    return await make_client()


def errors_logged(caplog: pytest.LogCaptureFixture) -> int:
    return len([record for record in caplog.records if record.levelname == "ERROR"])


@pytest.mark.parametrize("name", ["MyError", "SubclassError"])
async def test_the_handler_of_an_exception_handles_its_subclasses_too(
    plugin_client: Client, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    response = await plugin_client.get(f"/raise/{name}")
    expected = {"error": "I'm a Teapot", "message": f"/raise/{name}: from {name}", "code": "my_error"}
    assert (response.status, await error_body(response), errors_logged(caplog)) == (418, expected, 0)


async def test_the_handler_of_the_exact_class_takes_precedence_and_may_return_a_response(plugin_client: Client) -> None:
    response = await plugin_client.get("/raise/HandledError")
    assert (response.status, await response.text()) == (202, "from HandledError")
    assert response.headers["X-Request-ID"]


async def test_an_exception_without_a_handler_is_a_logged_500(
    plugin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = await plugin_client.get("/raise/BaseError")
    body = await error_body(response)
    assert (response.status, body["code"], errors_logged(caplog)) == (500, "internal_server_error", 1)
    assert "BaseError" not in body["message"]
