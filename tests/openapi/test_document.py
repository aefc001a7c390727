"""The whole API document: of the example routes and of the service."""

from __future__ import annotations

import re

from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support import openapi_routes
from tests.support.openapi_document import Json, operations, references, resolve, schemas_with_examples, validator
from tests.support.openapi_routes import ROUTES, undocumented


def test_a_document_is_valid_openapi_3_1(any_document: Json) -> None:
    assert any_document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(any_document).validate()


def test_every_reference_can_be_resolved(any_document: Json) -> None:
    assert [*references(any_document)]
    for reference in references(any_document):
        resolve(any_document, reference)


def test_every_component_is_referred_to(any_document: Json) -> None:
    used = {tuple(reference.split("/")[2:]) for reference in references(any_document)}
    assert used == {
        (kind, name)
        for kind, components in any_document["components"].items()
        for name in components
        if kind != "securitySchemes"
    }


def test_every_security_scheme_is_declared(any_document: Json) -> None:
    used = {name for _, operation in operations(any_document) for schemes in operation["security"] for name in schemes}
    assert used == any_document["components"]["securitySchemes"].keys() == {"bearerAuth"}


def test_every_route_is_documented(document: Json) -> None:
    assert {where for where, _ in operations(document)} == {
        (route.method, re.sub(":[^/]*}", "}", route.path)) for _, route in ROUTES
    }


def test_only_public_routes_have_no_security(document: Json) -> None:
    public_routes = {where for where, operation in operations(document) if operation["security"] == []}
    assert public_routes == {("GET", "/api/ships"), ("POST", "/api/users")}


def test_a_route_without_an_access_rule_is_not_documented_as_public() -> None:
    operation = openapi_routes.operation(undocumented())
    assert operation["security"] == [{"bearerAuth": []}]
    assert "401" in operation["responses"]


def test_operation_ids_are_unique(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len({*ids}) == len(ROUTES)


def test_every_parameter_body_and_response_has_examples_that_match_its_schema(any_document: Json) -> None:
    found = [*schemas_with_examples(any_document)]
    assert len(found) > 3 * len(ROUTES)
    for where, schema, examples in found:
        assert examples, where
        for example in examples:
            assert [*validator(any_document, schema).iter_errors(example)] == [], where


def test_the_same_routes_have_the_same_document_and_their_metadata_is_not_changed() -> None:
    before = [metadata_of(route) for _, route in ROUTES]
    assert openapi_routes.document() == openapi_routes.document()
    assert [metadata_of(route) for _, route in ROUTES] == before


def test_a_document_can_be_changed_without_changing_the_next_one() -> None:
    changed, original = openapi_routes.document(), openapi_routes.document()
    changed["components"]["schemas"]["Error"].clear()
    changed["paths"]["/api/ships"]["post"]["requestBody"]["content"]["application/json"]["example"].clear()
    assert openapi_routes.document() == original


def test_only_required_parameters_have_an_example_that_the_docs_page_fills_in(document: Json) -> None:
    crew, _ = document["paths"]["/api/ships"]["get"]["parameters"]
    id, _ = document["paths"]["/api/ships/{id}"]["put"]["parameters"]
    assert ("example" in crew, crew["schema"]["examples"]) == (False, [3])
    assert id["example"] == 1


def test_every_error_response_has_the_schema_error(any_document: Json) -> None:
    for where, operation in operations(any_document):
        for status, response in operation["responses"].items():
            if status >= "400":
                (media,) = response["content"].values()
                assert media["schema"] == {"$ref": "#/components/schemas/Error"}, where


def test_every_response_has_a_request_id(any_document: Json) -> None:
    for _, operation in operations(any_document):
        assert all("X-Request-ID" in response["headers"] for response in operation["responses"].values())


def metadata_of(route: web.RouteDef) -> str:
    """Return the metadata of a handler and the fields of its schemas as text."""
    metadata = route.handler.__apispec__  # type: ignore[union-attr]
    schemas = [it["schema"] for it in (*metadata["schemas"], *metadata["responses"].values()) if "schema" in it]
    return repr((metadata, [schema.fields for schema in schemas]))
