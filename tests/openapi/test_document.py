"""The API document as a whole: of the yard, and of the service as it is."""

from __future__ import annotations

import re

from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support import openapi_routes
from tests.support.openapi_document import Json, exemplified, operations, references, resolve, validator
from tests.support.openapi_routes import ROUTES, silent


def test_it_is_valid_openapi_3_1(either: Json) -> None:
    assert either["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(either).validate()


def test_every_reference_leads_somewhere(either: Json) -> None:
    assert [*references(either)]
    for reference in references(either):
        resolve(either, reference)


def test_every_component_is_referred_to(either: Json) -> None:
    used = {tuple(reference.split("/")[2:]) for reference in references(either)}
    assert used == {
        (kind, name)
        for kind, components in either["components"].items()
        for name in components
        if kind != "securitySchemes"
    }


def test_every_security_scheme_is_declared(either: Json) -> None:
    wanted = {name for _, operation in operations(either) for needed in operation["security"] for name in needed}
    assert wanted == either["components"]["securitySchemes"].keys() == {"bearerAuth"}


def test_every_route_is_there(document: Json) -> None:
    assert {where for where, _ in operations(document)} == {
        (route.method, re.sub(":[^/]*}", "}", route.path)) for _, route in ROUTES
    }


def test_only_open_routes_go_without_security(document: Json) -> None:
    open_routes = {where for where, operation in operations(document) if operation["security"] == []}
    assert open_routes == {("GET", "/api/ships"), ("POST", "/api/users")}


def test_a_route_that_states_no_rule_is_not_shown_as_open() -> None:
    operation = openapi_routes.operation(silent())
    assert operation["security"] == [{"bearerAuth": []}]
    assert "401" in operation["responses"]


def test_operation_ids_are_unique(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len({*ids}) == len(ROUTES)


def test_every_parameter_body_and_answer_has_examples_that_fit_its_schema(either: Json) -> None:
    shown = [*exemplified(either)]
    assert len(shown) > 3 * len(ROUTES)
    for where, schema, examples in shown:
        assert examples, where
        for example in examples:
            assert [*validator(either, schema).iter_errors(example)] == [], where


def test_equal_routes_give_equal_documents_and_leave_the_marks_alone() -> None:
    before = [spoken(route) for _, route in ROUTES]
    assert openapi_routes.document() == openapi_routes.document()
    assert [spoken(route) for _, route in ROUTES] == before


def test_what_one_gets_can_be_changed_without_harm() -> None:
    spoilt, good = openapi_routes.document(), openapi_routes.document()
    spoilt["components"]["schemas"]["Error"].clear()
    spoilt["paths"]["/api/ships"]["post"]["requestBody"]["content"]["application/json"]["example"].clear()
    assert openapi_routes.document() == good


def test_only_what_must_be_sent_has_its_example_where_a_form_fills_it_in(document: Json) -> None:
    crew, _ = document["paths"]["/api/ships"]["get"]["parameters"]
    number, _ = document["paths"]["/api/ships/{id}"]["put"]["parameters"]
    assert ("example" in crew, crew["schema"]["examples"]) == (False, [3])
    assert number["example"] == 1


def test_every_refusal_has_the_one_shape(either: Json) -> None:
    for where, operation in operations(either):
        for status, answer in operation["responses"].items():
            if status >= "400":
                (media,) = answer["content"].values()
                assert media["schema"] == {"$ref": "#/components/schemas/Error"}, where


def test_every_answer_names_its_request(either: Json) -> None:
    for _, operation in operations(either):
        assert all("X-Request-ID" in answer["headers"] for answer in operation["responses"].values())


def spoken(route: web.RouteDef) -> str:
    """The marks of a handler to the last letter, with the fields of its schemas."""
    marks = route.handler.__apispec__  # type: ignore[union-attr]
    schemas = [it["schema"] for it in (*marks["schemas"], *marks["responses"].values()) if "schema" in it]
    return repr((marks, [schema.fields for schema in schemas]))
