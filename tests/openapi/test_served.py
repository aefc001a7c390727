"""The document against the service that it describes: what it shows is sent, and what comes back is what it says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from tests.openapi.reading import Json, operations, validator

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[..., Awaitable[Client]]
Login = Callable[..., Awaitable[dict[str, str]]]

DOCS = re.compile(r"/api/docs.*")


async def test_every_route_of_the_service_is_described_but_the_docs_themselves(
    served: Json, make_client: MakeClient
) -> None:
    app = (await make_client()).app
    assert app is not None
    routes = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None]
    assert {it for it in routes if it[0] != "HEAD" and not DOCS.fullmatch(it[1])} == {
        it for it, _ in operations(served)
    }


async def test_every_operation_answers_its_examples_as_described(
    served: Json, make_client: MakeClient, login: Login
) -> None:
    for where, operation in operations(served):
        client = await make_client()
        answer = await send(client, where, operation, await credentials(client, operation, login))
        body = await check(served, operation, answer)
        assert answer.status < 300, (where, body)


async def test_every_filter_answers_its_example(served: Json, make_client: MakeClient) -> None:
    client = await make_client()
    for (method, path), operation in operations(served):
        for parameter in operation["parameters"]:
            if parameter.get("in") == "query":
                (example,) = parameter["schema"]["examples"]
                # An order is of what is sorted.
                params = {parameter["name"]: example, **({"_sort": "id"} if parameter["name"] == "_order" else {})}
                answer = await client.request(method, path, params=params)
                assert answer.status == 200, (path, parameter["name"], await answer.text())
                if parameter["name"] != "_fields":
                    await check(served, operation, answer)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"colour": "red"}', "application/json"),
        (b"{}", "text/plain"),
        (b" " * 65537, "application/json"),
    ],
)
async def test_bad_bodies_are_refused_as_described(
    served: Json, make_client: MakeClient, login: Login, body: bytes, content_type: str
) -> None:
    client = await make_client()
    for where, operation in operations(served):
        if "requestBody" in operation:
            headers = {**await credentials(client, operation, login), "Content-Type": content_type}
            answer = await send(client, where, operation, headers, body)
            await check(served, operation, answer)
            assert answer.status in (400, 413, 415), where


async def test_bad_tokens_are_refused_as_described(served: Json, make_client: MakeClient, login: Login) -> None:
    client = await make_client()
    for where, operation in operations(served):
        if operation["security"]:
            other = await login(client, token="access" if wanted(operation) == "refresh" else "refresh")
            for headers, status in (({}, 401), ({"Authorization": "Bearer x"}, 401), (other, 422)):
                answer = await send(client, where, operation, headers)
                await check(served, operation, answer)
                assert answer.status == status, where


async def test_what_is_missing_or_another_s_is_refused_as_described(
    served: Json, make_client: MakeClient, login: Login
) -> None:
    client = await make_client()
    for (method, path), operation in operations(served):
        if "{id}" in path:
            headers = await credentials(client, operation, login)
            answer = await send(client, (method, path.replace("{id}", "77")), operation, headers)
            await check(served, operation, answer)
            assert answer.status == (403 if "403" in operation["responses"] else 404), (method, path)


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
