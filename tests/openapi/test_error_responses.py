"""The error responses of the service are those in its document."""

from __future__ import annotations

import re

import orjson
import pytest

from tests.support.openapi_document import Json, operations
from tests.support.openapi_requests import Login, MakeClient, check, credentials, send, token_type


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
async def test_the_errors_of_invalid_bodies_are_documented(
    served: Json, make_client: MakeClient, login: Login, body: bytes, content_type: str
) -> None:
    client = await make_client(docs=True)
    for where, operation in operations(served):
        if "requestBody" in operation:
            headers = {**await credentials(client, operation, login), "Content-Type": content_type}
            response = await send(client, where, operation, headers, body)
            await check(served, operation, response)
            assert response.status in (400, 413, 415), where


async def test_the_errors_of_invalid_tokens_are_documented(served: Json, make_client: MakeClient, login: Login) -> None:
    client = await make_client(docs=True)
    for where, operation in operations(served):
        if operation["security"]:
            wrong = await login(client, token="access" if token_type(operation) == "refresh" else "refresh")
            for headers, status in (({}, 401), ({"Authorization": "Bearer x"}, 401), (wrong, 422)):
                response = await send(client, where, operation, headers)
                await check(served, operation, response)
                assert response.status == status, where


async def test_the_errors_of_missing_or_forbidden_records_are_documented(
    served: Json, make_client: MakeClient, login: Login
) -> None:
    client = await make_client(docs=True)
    for (method, path), operation in operations(served):
        if "{id}" in path:
            headers = await credentials(client, operation, login)
            response = await send(client, (method, path.replace("{id}", "77")), operation, headers)
            await check(served, operation, response)
            assert response.status == (403 if "403" in operation["responses"] else 404), (method, path)


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
async def test_the_other_responses_of_a_resource_are_documented(
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
    response = await send(client, where, operation, {**await credentials(client, operation, login), **headers}, body)
    await check(served, operation, response)
    assert response.status == status


async def test_the_error_of_a_query_of_a_single_record_is_documented(served: Json, make_client: MakeClient) -> None:
    response = await (await make_client(docs=True)).get("/api/ships/1?crew=1")
    await check(served, served["paths"]["/api/ships/{id}"]["get"], response)
    assert response.status == 400


async def test_the_error_of_a_missing_if_match_is_documented(
    served: Json, make_client: MakeClient, login: Login
) -> None:
    client = await make_client(docs=True, require_if_match=True)
    response = await client.delete("/api/ships/1", headers=await login(client))
    await check(served, served["paths"]["/api/ships/{id}"]["delete"], response)
    assert response.status == 428
