"""What the service refuses, and whether its document says so."""

from __future__ import annotations

import re

import orjson
import pytest

from tests.support.openapi_document import Json, operations
from tests.support.openapi_requests import Login, MakeClient, check, credentials, send, wanted


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
    client = await make_client(docs=True)
    for where, operation in operations(served):
        if "requestBody" in operation:
            headers = {**await credentials(client, operation, login), "Content-Type": content_type}
            answer = await send(client, where, operation, headers, body)
            await check(served, operation, answer)
            assert answer.status in (400, 413, 415), where


async def test_bad_tokens_are_refused_as_described(served: Json, make_client: MakeClient, login: Login) -> None:
    client = await make_client(docs=True)
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
    client = await make_client(docs=True)
    for (method, path), operation in operations(served):
        if "{id}" in path:
            headers = await credentials(client, operation, login)
            answer = await send(client, (method, path.replace("{id}", "77")), operation, headers)
            await check(served, operation, answer)
            assert answer.status == (403 if "403" in operation["responses"] else 404), (method, path)


@pytest.mark.parametrize(
    ("where", "headers", "changes", "status"),
    [
        (("GET", "/api/ships/1"), {"If-None-Match": "*"}, {}, 304),
        (("PUT", "/api/ships/1"), {}, {"id": 2}, 400),
        (("PATCH", "/api/ships/1"), {}, {"id": 2}, 400),
        (("PUT", "/api/ships/1"), {"If-Match": '"stale"'}, {}, 412),
        (("DELETE", "/api/ships/1"), {"If-Match": '"stale"'}, {}, 412),
        (("POST", "/api/users"), {}, {"name": "guest"}, 400),
        (("PUT", "/api/users/1"), {}, {"name": "guest"}, 400),
        (("POST", "/api/ships"), {"Idempotency-Key": "\xe9"}, {}, 400),
        (("POST", "/auth/login"), {}, {"username": ""}, 400),
        (("POST", "/auth/login"), {}, {"password": "wrong"}, 401),
    ],
)
async def test_what_a_resource_refuses_is_described(
    served: Json,
    make_client: MakeClient,
    login: Login,
    where: tuple[str, str],
    headers: dict[str, str],
    changes: Json,
    status: int,
) -> None:
    client = await make_client(docs=True)
    operation = dict(operations(served))[where[0], re.sub(r"\d+$", "{id}", where[1])]
    body = None
    if "requestBody" in operation:
        body = orjson.dumps(operation["requestBody"]["content"]["application/json"]["example"] | changes)
    answer = await send(client, where, operation, {**await credentials(client, operation, login), **headers}, body)
    await check(served, operation, answer)
    assert answer.status == status


async def test_a_read_without_a_query_says_that_it_refuses_one(served: Json, make_client: MakeClient) -> None:
    answer = await (await make_client(docs=True)).get("/api/ships/1?crew=1")
    await check(served, served["paths"]["/api/ships/{id}"]["get"], answer)
    assert answer.status == 400


async def test_a_write_says_that_if_match_may_be_required(served: Json, make_client: MakeClient, login: Login) -> None:
    client = await make_client(docs=True, require_if_match=True)
    answer = await client.delete("/api/ships/1", headers=await login(client))
    await check(served, served["paths"]["/api/ships/{id}"]["delete"], answer)
    assert answer.status == 428
