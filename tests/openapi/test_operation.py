"""What is said of one route: its variables, its answers, its words."""

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
from tests.support.openapi_routes import ID, list_ships, silent


@pytest.mark.parametrize(
    ("path", "name", "schema"),
    [
        (f"/x/{ID}", "id", {"type": "integer", "minimum": 1, "maximum": MAX_INTEGER}),
        (r"/x/{page:\d+}", "page", {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}),
        ("/x/{name}", "name", {"type": "string"}),
        ("/x/{name:[a-z]{2,5}}/y", "name", {"type": "string", "pattern": "^[a-z]{2,5}$"}),
    ],
)
def test_a_variable_of_the_path_has_the_type_its_pattern_allows(path: str, name: str, schema: Json) -> None:
    operation = openapi_routes.operation(public(silent()), path)
    (parameter,) = operation["parameters"]
    example = parameter.pop("example")
    assert parameter == {"in": "path", "name": name, "required": True, "schema": schema}
    assert validator({"components": {}}, schema).is_valid(example)
    assert "404" in operation["responses"]


def test_a_mark_can_say_more_of_a_variable() -> None:
    class PathSchema(Schema):
        name = String(required=True, metadata={"description": "What it is called."})

    of_id = docs(parameters=[{"in": "path", "name": "id", "description": "Which one."}])
    of_name = request_schema(PathSchema, location="match_info")
    operation = openapi_routes.operation(of_id(of_name(silent())), f"/x/{ID}/{{name:a+}}")
    said = [(it["name"], it["schema"]["type"], it["description"]) for it in operation["parameters"]]
    assert said == [("id", "integer", "Which one."), ("name", "string", "What it is called.")]


def test_a_schema_of_the_query_becomes_parameters() -> None:
    class SearchSchema(Schema):
        text = String(required=True)
        most = Integer()

    operation = openapi_routes.operation(request_schema(SearchSchema, location="querystring")(silent()))
    parameters = [(it["in"], it["name"], it["required"]) for it in operation["parameters"]]
    assert parameters == [("query", "text", True), ("query", "most", False)]
    assert "400" in operation["responses"]


def test_an_answer_in_another_media_type_shows_what_its_mark_shows() -> None:
    operation = openapi_routes.operation(docs(produces=["text/plain"], responses={200: {"example": "up 1"}})(silent()))
    assert operation["responses"]["200"]["content"] == {"text/plain": {"example": "up 1"}}


def test_one_decorator_marks_many_handlers_alike() -> None:
    mark = docs(parameters=["If-Match"], responses={404: {"description": "Not here."}})
    first, second = (openapi_routes.operation(mark(silent())) for _ in range(2))
    assert first == second
    assert first["parameters"] == [{"$ref": "#/components/parameters/If-Match"}]


def test_headers_and_parameters_can_be_asked_for_by_name(document: Json) -> None:
    operation = document["paths"]["/api/ships"]["get"]
    assert operation["responses"]["200"]["headers"].keys() == {"X-Request-ID", "ETag", "X-Total-Count", "Link"}
    assert {"$ref": "#/components/parameters/If-None-Match"} in operation["parameters"]


def test_answers_without_a_body_have_none(document: Json) -> None:
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
def test_what_a_route_refuses_follows_from_its_rule_and_from_what_it_reads(
    document: Json, method: str, path: str, statuses: str
) -> None:
    assert sorted(document["paths"][path][method]["responses"]) == statuses.split()


def test_401_says_how_to_log_in_and_503_when_to_come_back(document: Json) -> None:
    answers = document["paths"]["/api/ships"]["post"]["responses"]
    assert "WWW-Authenticate" in answers["401"]["headers"]
    assert "Retry-After" in answers["503"]["headers"]


def test_a_refusal_that_a_mark_states_joins_those_that_follow(document: Json) -> None:
    examples = document["paths"]["/api/users"]["post"]["responses"]["400"]["content"]["application/json"]["examples"]
    assert examples["user_already_exists"]["value"]["message"] == "User already exists."
    assert "unknown_field" in examples


def test_a_mark_can_state_refusals_as_they_are_raised() -> None:
    taken = HTTPError(400, "Ship already exists.", code="already_exists")
    operation = openapi_routes.operation(docs(errors=[taken, HTTPError(428)])(silent()))
    examples = operation["responses"]["400"]["content"]["application/json"]["examples"]
    assert examples["ship_already_exists"]["value"] == orjson.loads(taken.body(REQUEST_ID))
    assert "428" in operation["responses"]


def test_422_names_the_type_of_token_that_is_taken(document: Json) -> None:
    for path, method, token in (("/api/ships", "post", "access"), ("/auth/refresh", "post", "refresh")):
        media = document["paths"][path][method]["responses"]["422"]["content"]["application/json"]
        (example,) = media["examples"].values()
        assert example["value"]["error"] == f"Only {token} tokens are allowed"


def test_a_docstring_speaks_where_no_mark_does(document: Json) -> None:
    operation = document["paths"]["/api/ships"]["post"]
    assert (operation["summary"], operation["description"]) == ("Add a ship", "Its id is the next one.")
    assert document["paths"]["/api/ships"]["get"]["summary"] == "All ships"


def test_operations_are_tagged_with_their_plugin(document: Json) -> None:
    assert document["tags"] == [{"name": "ships"}, {"name": "users"}, {"name": "auth"}]
    assert document["paths"]["/auth/refresh"]["post"]["tags"] == ["auth"]


def test_methods_without_a_word_in_openapi_are_left_out() -> None:
    assert (
        openapi_routes.document(web.route("*", "/x", list_ships), web.route("PROPFIND", "/x", list_ships))["paths"]
        == {}
    )
