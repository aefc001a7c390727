"""Trying what a document shows: sending it, and holding the answer against what is described."""

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
    """Send an operation as its examples have it, or with another body."""
    method, path = where
    for content_type, media in operation.get("requestBody", {"content": {}})["content"].items():
        body = orjson.dumps(media["example"]) if body is None else body
        headers = {"Content-Type": content_type, **headers}
    for parameter in operation["parameters"]:
        if parameter.get("in") == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    return await client.request(method, path, data=body, headers=headers)


async def check(document: Json, operation: Json, answer: ClientResponse) -> Any:
    """The body, if the status, the headers and the body are as described; a refusal has a code that is shown."""
    described = operation["responses"][str(answer.status)]
    missing = {name for name in described["headers"] if name not in answer.headers} - {"Link"}
    assert missing == set()
    raw = await answer.read()
    if "content" not in described:
        assert raw == b""
        return None
    media = described["content"][answer.content_type]
    body = orjson.loads(raw) if answer.content_type == "application/json" else raw.decode()
    assert [*validator(document, media.get("schema", {})).iter_errors(body)] == []
    if answer.status >= 400:
        assert (body["error"], body["code"]) in [shown(it) for it in media["examples"].values()], body
    return body


def shown(example: Json) -> tuple[str, str]:
    return example["value"]["error"], example["value"]["code"]


async def credentials(client: Client, operation: Json, login: Login) -> dict[str, str]:
    return await login(client, token=wanted(operation)) if operation["security"] else {}


def wanted(operation: Json) -> str:
    """The type of token that an operation takes."""
    examples = operation["responses"]["422"]["content"]["application/json"]["examples"]
    return "refresh" if "only_refresh_tokens_are_allowed" in examples else "access"
