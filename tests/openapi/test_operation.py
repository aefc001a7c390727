"""The documentation of one route: parameters, responses, summary and description."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import Integer, String

from service.auth.permissions import public
from service.errors import HTTPError
from service.http.strict_json import MAX_INTEGER
from service.openapi.components import REQUEST_ID
from service.openapi.decorators import docs, request_schema
from tests.support import openapi_routes
from tests.support.openapi_document import Json, validator
from tests.support.openapi_routes import ID, list_ships, undocumented


@pytest.mark.parametrize(
    ("path", "name", "schema"),
    [
        (f"/x/{ID}", "id", {"type": "integer", "minimum": 1, "maximum": MAX_INTEGER}),
        (r"/x/{page:\d+}", "page", {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}),
        ("/x/{name}", "name", {"type": "string"}),
        ("/x/{name:[a-z]{2,5}}/y", "name", {"type": "string", "pattern": "^[a-z]{2,5}$"}),
    ],
)
def test_the_type_of_a_path_variable_follows_from_its_pattern(path: str, name: str, schema: Json) -> None:
    operation = openapi_routes.operation(public(undocumented()), path)
    (parameter,) = operation["parameters"]
    example = parameter.pop("example")
    assert parameter == {"in": "path", "name": name, "required": True, "schema": schema}
    assert validator({"components": {}}, schema).is_valid(example)
    assert "404" in operation["responses"]


def test_a_decorator_can_describe_a_path_variable() -> None:
    class PathSchema(Schema):
        name = String(required=True, metadata={"description": "What it is called."})

    of_id = docs(parameters=[{"in": "path", "name": "id", "description": "Which one."}])
    of_name = request_schema(PathSchema, location="match_info")
    operation = openapi_routes.operation(of_id(of_name(undocumented())), f"/x/{ID}/{{name:a+}}")
    described = [(it["name"], it["schema"]["type"], it["description"]) for it in operation["parameters"]]
    assert described == [("id", "integer", "Which one."), ("name", "string", "What it is called.")]


def test_the_fields_of_a_query_schema_are_parameters() -> None:
    class SearchSchema(Schema):
        text = String(required=True)
        most = Integer()

    operation = openapi_routes.operation(request_schema(SearchSchema, location="querystring")(undocumented()))
    parameters = [(it["in"], it["name"], it["required"]) for it in operation["parameters"]]
    assert parameters == [("query", "text", True), ("query", "most", False)]
    assert "400" in operation["responses"]


def test_a_response_in_another_media_type_has_the_example_of_its_decorator() -> None:
    operation = openapi_routes.operation(
        docs(produces=["text/plain"], responses={200: {"example": "up 1"}})(undocumented())
    )
    assert operation["responses"]["200"]["content"] == {"text/plain": {"example": "up 1"}}


def test_a_decorator_can_be_applied_to_several_handlers() -> None:
    decorator = docs(parameters=["If-Match"], responses={404: {"description": "Not here."}})
    first, second = (openapi_routes.operation(decorator(undocumented())) for _ in range(2))
    assert first == second
    assert first["parameters"] == [{"$ref": "#/components/parameters/If-Match"}]


def test_common_headers_and_parameters_are_referred_to_by_name(document: Json) -> None:
    operation = document["paths"]["/api/ships"]["get"]
    assert operation["responses"]["200"]["headers"].keys() == {"X-Request-ID", "ETag", "X-Total-Count", "Link"}
    assert {"$ref": "#/components/parameters/If-None-Match"} in operation["parameters"]


def test_responses_without_a_body_have_no_content(document: Json) -> None:
    assert "content" not in document["paths"]["/api/ships"]["get"]["responses"]["304"]
    assert "content" not in document["paths"]["/api/users/{id}"]["delete"]["responses"]["204"]


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("get", "/api/ships", "200 304 400 500 503"),
        ("post", "/api/ships", "201 400 401 408 413 415 422 500 503 507"),
        ("put", "/api/ships/{id}", "200 400 401 404 408 412 413 415 422 500 503 507"),
        ("delete", "/api/users/{id}", "204 400 401 403 404 422 500 503 507"),
        ("post", "/api/users", "201 400 408 413 415 500 503 507"),
    ],
)
def test_the_errors_of_a_route_follow_from_its_access_rule_and_its_input(
    document: Json, method: str, path: str, statuses: str
) -> None:
    assert sorted(document["paths"][path][method]["responses"]) == statuses.split()


def test_401_has_www_authenticate_and_503_has_retry_after(document: Json) -> None:
    responses = document["paths"]["/api/ships"]["post"]["responses"]
    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert "Retry-After" in responses["503"]["headers"]


def test_the_errors_of_a_decorator_are_added_to_the_implied_ones(document: Json) -> None:
    examples = document["paths"]["/api/users"]["post"]["responses"]["400"]["content"]["application/json"]["examples"]
    assert examples["user_already_exists"]["value"]["message"] == "User already exists."
    assert "unknown_field" in examples


def test_a_decorator_accepts_http_errors() -> None:
    exists = HTTPError(400, "Ship already exists.", code="already_exists")
    operation = openapi_routes.operation(docs(errors=[exists, HTTPError(428)])(undocumented()))
    examples = operation["responses"]["400"]["content"]["application/json"]["examples"]
    assert examples["ship_already_exists"]["value"] == orjson.loads(exists.body(REQUEST_ID))
    assert "428" in operation["responses"]


def test_422_contains_the_required_type_of_token(document: Json) -> None:
    for path, method, token in (("/api/ships", "post", "access"), ("/auth/refresh", "post", "refresh")):
        media = document["paths"][path][method]["responses"]["422"]["content"]["application/json"]
        (example,) = media["examples"].values()
        assert example["value"]["error"] == f"Only {token} tokens are allowed"


def test_the_docstring_is_the_description_unless_a_decorator_sets_one(document: Json) -> None:
    operation = document["paths"]["/api/ships"]["post"]
    assert (operation["summary"], operation["description"]) == ("Add a ship", "Its id is the next one.")
    assert document["paths"]["/api/ships"]["get"]["summary"] == "All ships"


def test_operations_are_tagged_with_their_plugin(document: Json) -> None:
    assert document["tags"] == [{"name": "ships"}, {"name": "users"}, {"name": "auth"}]
    assert document["paths"]["/auth/refresh"]["post"]["tags"] == ["auth"]


def test_methods_that_openapi_does_not_support_are_omitted() -> None:
    assert (
        openapi_routes.document(web.route("*", "/x", list_ships), web.route("PROPFIND", "/x", list_ships))["paths"]
        == {}
    )
