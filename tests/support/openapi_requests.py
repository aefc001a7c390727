"""Helpers that send the operations of an API document and compare the responses with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from tests.support.openapi_document import Json, validator

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[..., Awaitable[Client]]
Login = Callable[..., Awaitable[dict[str, str]]]


async def send(
    client: Client, where: tuple[str, str], operation: Json, headers: dict[str, str], body: bytes | None = None
) -> ClientResponse:
    """Send the examples of an operation, or another body."""
    method, path = where
    for content_type, media in operation.get("requestBody", {"content": {}})["content"].items():
        body = orjson.dumps(media["example"]) if body is None else body
        headers = {"Content-Type": content_type, **headers}
    for parameter in operation["parameters"]:
        if parameter.get("in") == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    return await client.request(method, path, data=body, headers=headers)


async def check(document: Json, operation: Json, response: ClientResponse) -> Any:
    """Check the status, headers, body and error code of a response against the document; return the body."""
    documented = operation["responses"][str(response.status)]
    missing = {name for name in documented["headers"] if name not in response.headers} - {"Link"}
    assert missing == set()
    raw = await response.read()
    if "content" not in documented:
        assert raw == b""
        return None
    media = documented["content"][response.content_type]
    body = orjson.loads(raw) if response.content_type == "application/json" else raw.decode()
    assert [*validator(document, media.get("schema", {})).iter_errors(body)] == []
    if response.status >= 400:
        assert (body["error"], body["code"]) in [error_and_code(it) for it in media["examples"].values()], body
    return body


def error_and_code(example: Json) -> tuple[str, str]:
    return example["value"]["error"], example["value"]["code"]


async def credentials(client: Client, operation: Json, login: Login) -> dict[str, str]:
    """Return the headers that authorize an operation."""
    return await login(client, token=token_type(operation)) if operation["security"] else {}


def token_type(operation: Json) -> str:
    """Return the type of token that an operation requires."""
    examples = operation["responses"]["422"]["content"]["application/json"]["examples"]
    return "refresh" if "only_refresh_tokens_are_allowed" in examples else "access"
