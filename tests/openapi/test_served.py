"""The service behaves as its document describes: the examples are sent, and the responses match their schemas."""

from __future__ import annotations

import re

import pytest
from marshmallow import Schema
from marshmallow.fields import String

from service import Collection, Resource
from tests.support import openapi_routes
from tests.support.openapi_document import Json, operations, resolve
from tests.support.openapi_requests import Login, MakeClient, check, credentials, send

DOCS = re.compile(r"/api/docs.*")


async def test_every_route_of_the_service_except_the_docs_is_documented(served: Json, make_client: MakeClient) -> None:
    app = (await make_client(docs=True)).app
    assert app is not None
    routes = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None]
    assert {it for it in routes if it[0] != "HEAD" and not DOCS.fullmatch(it[1])} == {
        it for it, _ in operations(served)
    }


async def test_the_response_to_the_example_of_every_operation_is_as_documented(
    served: Json, make_client: MakeClient, login: Login
) -> None:
    for where, operation in operations(served):
        client = await make_client(docs=True)
        response = await send(client, where, operation, await credentials(client, operation, login))
        body = await check(served, operation, response)
        assert response.status < 300, (where, body)


async def test_the_response_to_the_example_of_every_query_parameter_is_as_documented(
    served: Json, make_client: MakeClient
) -> None:
    client = await make_client(docs=True)
    for (method, path), operation in operations(served):
        for parameter in operation["parameters"]:
            if parameter.get("in") == "query":
                (example,) = parameter["schema"]["examples"]
                # _order is valid only together with _sort.
                params = {parameter["name"]: example, **({"_sort": "id"} if parameter["name"] == "_order" else {})}
                response = await client.request(method, path, params=params)
                assert response.status == 200, (path, parameter["name"], await response.text())
                await check(served, operation, response)


@pytest.mark.parametrize("path", ["/api/ships", "/api/users"])
async def test_a_list_matches_its_schema_with_and_without_fields(
    served: Json, make_client: MakeClient, path: str
) -> None:
    client = await make_client(docs=True)
    operation = served["paths"][path]["get"]
    properties = response_schema(served, operation)["properties"]
    assert response_schema(served, operation)["required"] == []
    for query in ("", *(f"?_fields={name}" for name in properties), f"?_fields={','.join(properties)}"):
        records = await check(served, operation, await client.get(path + query))
        assert records, query
        assert all(
            record.keys() == (properties.keys() if "," in query or not query else {query[9:]}) for record in records
        )


def response_schema(document: Json, operation: Json) -> Json:
    """Return the schema of the records that a list returns."""
    media = operation["responses"]["200"]["content"]["application/json"]
    return resolve(document, media["schema"]["items"]["$ref"])


def test_a_record_has_an_id_even_if_its_schema_has_none() -> None:
    class PlanetSchema(Schema):
        name = String(required=True)

    class Planets(Resource):
        path = "/api/planets"
        collection = Collection("planets")
        schema = PlanetSchema

    schemas = openapi_routes.document(*Planets.routes())["components"]["schemas"]
    assert schemas["Planet"]["properties"].keys() == {"id", "name"}
    assert schemas["PlanetInput"]["properties"].keys() == {"name"}
