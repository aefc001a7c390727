"""The API document: what it says of routes modelled on ships, users and auth."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from marshmallow import Schema
from marshmallow.fields import Integer, List, Nested, String
from marshmallow.validate import Length, Range
from openapi_spec_validator import OpenAPIV31SpecValidator

from service import openapi
from service.access import owner, public, refresh, user
from service.body import LARGEST
from service.marks import docs, request_schema, response_schema

ID = "{id:[1-9][0-9]{0,15}}"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
X_WING = {"name": "X-Wing", "crew": 1, "roles": ["Escort"]}


class ShipSchema(Schema):
    id = Integer(dump_only=True)
    name = String(required=True, validate=Length(2, 200), metadata={"example": "X-Wing"})
    crew = Integer(required=True, strict=True, validate=Range(1, LARGEST))
    roles = List(String(validate=Length(1)), required=True, validate=Length(max=32))


class UserSchema(Schema):
    id = Integer(dump_only=True)
    name = String(required=True, validate=Length(min=2))
    password = String(required=True, load_only=True, validate=Length(min=8))


class TokensSchema(Schema):
    access_token = String(required=True)
    refresh_token = String(required=True)


@public
@docs(
    summary="All ships",
    parameters=[{"in": "query", "name": "crew_gte", "schema": {"type": "integer", "minimum": 3}}, "If-None-Match"],
    responses={304: {"description": "Nothing has changed."}},
)
@response_schema(ShipSchema(many=True), 200, "The ships.", headers=("ETag", "X-Total-Count", "Link"))
async def list_ships(request: web.Request) -> web.Response:
    raise NotImplementedError


@user
@request_schema(ShipSchema, example=X_WING)
@response_schema(ShipSchema, 201, headers=("Location",))
async def add_ship(request: web.Request) -> web.Response:
    """Add a ship.

    Its id is the next one.
    """
    raise NotImplementedError


@user
@docs(responses={412: {"description": "The record has another revision."}}, parameters=["If-Match"])
@request_schema(ShipSchema)
@response_schema(ShipSchema)
async def replace_ship(request: web.Request) -> web.Response:
    raise NotImplementedError


@user
@request_schema(ShipSchema(partial=True))
@response_schema(ShipSchema)
async def patch_ship(request: web.Request) -> web.Response:
    raise NotImplementedError


@owner
@docs(responses={204: {"description": "Gone."}})
async def remove_user(request: web.Request) -> web.Response:
    raise NotImplementedError


@public
@docs(responses={400: {"description": "User already exists."}})
@request_schema(UserSchema)
@response_schema(UserSchema, 201)
async def add_user(request: web.Request) -> web.Response:
    raise NotImplementedError


@refresh
@response_schema(TokensSchema)
async def refresh_tokens(request: web.Request) -> web.Response:
    raise NotImplementedError


ROUTES = [
    ("ships", web.get("/api/ships", list_ships)),
    ("ships", web.post("/api/ships", add_ship)),
    ("ships", web.put(f"/api/ships/{ID}", replace_ship)),
    ("ships", web.patch(f"/api/ships/{ID}", patch_ship)),
    ("users", web.post("/api/users", add_user)),
    ("users", web.delete(f"/api/users/{ID}", remove_user)),
    ("auth", web.post("/auth/refresh", refresh_tokens)),
]


Json = dict[str, Any]


def build(*routes: web.RouteDef) -> Json:
    return openapi.document([("ships", route) for route in routes] or ROUTES, title="Shipyard", version="1.0.0")


@pytest.fixture
def document() -> Json:
    return build()


def test_it_is_valid_openapi_3_1(document: Json) -> None:
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_every_reference_leads_somewhere(document: Json) -> None:
    assert [*references(document)]
    for reference in references(document):
        resolve(document, reference)


def test_every_component_is_referred_to(document: Json) -> None:
    used = {tuple(reference.split("/")[2:]) for reference in references(document)}
    assert used == {
        (kind, name)
        for kind, components in document["components"].items()
        for name in components
        if kind != "securitySchemes"
    }


def test_every_security_scheme_is_declared(document: Json) -> None:
    wanted = {name for _, operation in operations(document) for needed in operation["security"] for name in needed}
    assert wanted == document["components"]["securitySchemes"].keys() == {"bearerAuth"}


def test_every_route_is_there(document: Json) -> None:
    assert {where for where, _ in operations(document)} == {
        (route.method, re.sub(":[^/]*}", "}", route.path)) for _, route in ROUTES
    }


def test_only_open_routes_go_without_security(document: Json) -> None:
    open_routes = {where for where, operation in operations(document) if operation["security"] == []}
    assert open_routes == {("GET", "/api/ships"), ("POST", "/api/users")}


def test_a_route_that_states_no_rule_is_not_shown_as_open() -> None:
    async def handler(request: web.Request) -> web.Response:
        raise NotImplementedError

    operation = build(web.get("/x", handler))["paths"]["/x"]["get"]
    assert operation["security"] == [{"bearerAuth": []}]
    assert "401" in operation["responses"]


def test_operation_ids_are_unique(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len({*ids}) == len(ROUTES)


def test_every_parameter_body_and_answer_has_examples_that_fit_its_schema(document: Json) -> None:
    shown = [*exemplified(document)]
    assert len(shown) > 3 * len(ROUTES)
    for where, schema, examples in shown:
        assert examples, where
        for example in examples:
            assert [*validator(document, schema).iter_errors(example)] == [], where


def test_equal_routes_give_equal_documents_and_leave_the_marks_alone() -> None:
    before = [spoken(route) for _, route in ROUTES]
    assert build() == build()
    assert [spoken(route) for _, route in ROUTES] == before


def test_what_one_gets_can_be_changed_without_harm() -> None:
    spoilt, good = build(), build()
    spoilt["components"]["schemas"]["Error"].clear()
    spoilt["paths"]["/api/ships"]["post"]["requestBody"]["content"]["application/json"]["example"].clear()
    assert build() == good


def test_only_what_must_be_sent_has_its_example_where_a_form_fills_it_in(document: Json) -> None:
    crew, _ = document["paths"]["/api/ships"]["get"]["parameters"]
    number, _ = document["paths"]["/api/ships/{id}"]["put"]["parameters"]
    assert ("example" in crew, crew["schema"]["examples"]) == (False, [3])
    assert number["example"] == 1


# Schemas


def test_one_schema_is_named_by_what_it_is_for(document: Json) -> None:
    assert document["components"]["schemas"].keys() == {
        *("Error", "Ship", "ShipInput", "ShipPatch", "ShipUpdate", "Tokens", "User", "UserInput")
    }


def test_an_answer_shows_no_password_and_always_an_id(document: Json) -> None:
    user = document["components"]["schemas"]["User"]
    assert user["properties"].keys() == {"id", "name"}
    assert user["required"] == ["id", "name"]
    assert user["properties"]["id"]["readOnly"] is True


def test_a_new_record_has_a_write_only_password_and_no_id(document: Json) -> None:
    user = document["components"]["schemas"]["UserInput"]
    assert user["properties"].keys() == {"name", "password"}
    assert user["properties"]["password"]["writeOnly"] is True


def test_a_change_may_have_the_id_but_need_not(document: Json) -> None:
    ship = document["components"]["schemas"]["ShipUpdate"]
    assert "id" in ship["properties"]
    assert ship["required"] == ["name", "crew", "roles"]


def test_a_patch_needs_nothing_and_comes_in_two_media_types(document: Json) -> None:
    assert document["components"]["schemas"]["ShipPatch"]["required"] == []
    body = document["paths"]["/api/ships/{id}"]["patch"]["requestBody"]
    assert body["content"].keys() == {"application/json", "application/merge-patch+json"}


def test_unknown_fields_are_refused(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert [schema["additionalProperties"] for schema in schemas.values()] == [False] * len(schemas)


def test_whole_numbers_have_their_bounds(document: Json) -> None:
    crew = document["components"]["schemas"]["Ship"]["properties"]["crew"]
    assert crew == {"type": "integer", "minimum": 1, "maximum": LARGEST}


def test_two_schemas_of_one_name_are_two_components() -> None:
    def route(path: str, **fields: Any) -> web.RouteDef:
        @public
        @response_schema(Schema.from_dict(fields, name="ThingSchema"))
        async def handler(request: web.Request) -> web.Response:
            raise NotImplementedError

        return web.get(path, handler)

    document = build(route("/a", x=String()), route("/b", y=String()), route("/c", x=String()))
    assert document["components"]["schemas"].keys() == {"Error", "Thing", "Thing2"}
    assert [*answered(document, "/c")["schema"].values()] == ["#/components/schemas/Thing"]


def test_schemas_within_schemas_are_components_too() -> None:
    class CrewSchema(Schema):
        captain = Nested(UserSchema)
        ships = List(Nested(ShipSchema))
        first = Nested(lambda: CrewSchema())

    @public
    @response_schema(CrewSchema)
    async def handler(request: web.Request) -> web.Response:
        raise NotImplementedError

    document = build(web.get("/crew", handler))
    OpenAPIV31SpecValidator(document).validate()
    test_every_reference_leads_somewhere(document)
    assert answered(document, "/crew")["example"]["ships"][0]["name"] == "X-Wing"


# Paths


@pytest.mark.parametrize(
    ("path", "name", "schema"),
    [
        (f"/x/{ID}", "id", {"type": "integer", "minimum": 1, "maximum": LARGEST}),
        (r"/x/{page:\d+}", "page", {"type": "integer", "minimum": 0, "maximum": LARGEST}),
        ("/x/{name}", "name", {"type": "string"}),
        ("/x/{name:[a-z]{2,5}}/y", "name", {"type": "string", "pattern": "^[a-z]{2,5}$"}),
    ],
)
def test_a_variable_of_the_path_has_the_type_its_pattern_allows(path: str, name: str, schema: Json) -> None:
    @public
    async def handler(request: web.Request) -> web.Response:
        raise NotImplementedError

    document = build(web.get(path, handler))
    ((_, operation),) = operations(document)
    (parameter,) = operation["parameters"]
    example = parameter.pop("example")
    assert parameter == {"in": "path", "name": name, "required": True, "schema": schema}
    assert validator(document, schema).is_valid(example)
    assert "404" in operation["responses"]


# Answers


def test_headers_and_parameters_can_be_asked_for_by_name(document: Json) -> None:
    operation = document["paths"]["/api/ships"]["get"]
    assert operation["responses"]["200"]["headers"].keys() == {"X-Request-ID", "ETag", "X-Total-Count", "Link"}
    assert {"$ref": "#/components/parameters/If-None-Match"} in operation["parameters"]


def test_every_answer_names_its_request(document: Json) -> None:
    for _, operation in operations(document):
        assert all("X-Request-ID" in answer["headers"] for answer in operation["responses"].values())


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


def test_every_refusal_has_the_one_shape(document: Json) -> None:
    for where, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                (media,) = answer["content"].values()
                assert media["schema"] == {"$ref": "#/components/schemas/Error"}, where


def test_401_says_how_to_log_in_and_503_when_to_come_back(document: Json) -> None:
    answers = document["paths"]["/api/ships"]["post"]["responses"]
    assert "WWW-Authenticate" in answers["401"]["headers"]
    assert "Retry-After" in answers["503"]["headers"]


def test_a_refusal_that_a_mark_states_joins_those_that_follow(document: Json) -> None:
    examples = document["paths"]["/api/users"]["post"]["responses"]["400"]["content"]["application/json"]["examples"]
    assert examples["user_already_exists"]["value"]["message"] == "User already exists."
    assert "unknown_field" in examples


def test_422_names_the_type_of_token_that_is_taken(document: Json) -> None:
    for path, method, token in (("/api/ships", "post", "access"), ("/auth/refresh", "post", "refresh")):
        media = document["paths"][path][method]["responses"]["422"]["content"]["application/json"]
        (example,) = media["examples"].values()
        assert example["value"]["error"] == f"Only {token} tokens are allowed"


# Words


def test_a_docstring_speaks_where_no_mark_does(document: Json) -> None:
    operation = document["paths"]["/api/ships"]["post"]
    assert (operation["summary"], operation["description"]) == ("Add a ship", "Its id is the next one.")
    assert document["paths"]["/api/ships"]["get"]["summary"] == "All ships"


def test_operations_are_tagged_with_their_plugin(document: Json) -> None:
    assert document["tags"] == [{"name": "ships"}, {"name": "users"}, {"name": "auth"}]
    assert document["paths"]["/auth/refresh"]["post"]["tags"] == ["auth"]


def test_methods_without_a_word_in_openapi_are_left_out() -> None:
    assert build(web.route("*", "/x", list_ships), web.route("PROPFIND", "/x", list_ships))["paths"] == {}


# Reading the document


def operations(document: Json) -> Iterator[tuple[tuple[str, str], Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield (method.upper(), path), operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in node if key == "$ref")
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(inner)


def resolve(document: Json, reference: str) -> Json:
    """Raises KeyError where a reference leads nowhere."""
    return functools.reduce(lambda node, name: node[name], reference.removeprefix("#/").split("/"), document)


def answered(document: Json, path: str) -> Json:
    media: Json = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return media


def exemplified(document: Json) -> Iterator[tuple[tuple[str, ...], Json, list[Any]]]:
    """Where there is a schema to fill, the schema, and the examples of it."""
    for where, operation in operations(document):
        places = {("body", media): it for media, it in operation.get("requestBody", {"content": {}})["content"].items()}
        for parameter in operation["parameters"]:
            it = resolve(document, parameter["$ref"]) if "$ref" in parameter else parameter
            places[it["in"], it["name"]] = it
        for status, answer in operation["responses"].items():
            places |= {(status, media): it for media, it in answer.get("content", {}).items()}
        for place, it in places.items():
            many = [example["value"] for example in it.get("examples", {}).values()]
            one = [it["example"]] if "example" in it else []
            yield (*where, *place), it["schema"], [*one, *many, *it["schema"].get("examples", ())]


def validator(document: Json, schema: Json) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def spoken(route: web.RouteDef) -> str:
    """The marks of a handler to the last letter, with the fields of its schemas."""
    marks = route.handler.__apispec__  # type: ignore[union-attr]
    schemas = [it["schema"] for it in (*marks["schemas"], *marks["responses"].values()) if "schema" in it]
    return repr((marks, [schema.fields for schema in schemas]))
