"""The components that schemas become, depending on their use."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import List, Nested, String
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.http.strict_json import MAX_INTEGER
from service.openapi.decorators import response_schema
from tests.support import openapi_routes
from tests.support.openapi_document import Json, content_of_200, references, resolve
from tests.support.openapi_routes import ShipSchema, UserSchema, undocumented


def test_a_schema_has_a_component_for_each_use(document: Json) -> None:
    assert document["components"]["schemas"].keys() == {
        *("Error", "Ship", "ShipInput", "ShipPatch", "ShipUpdate", "Tokens", "User", "UserInput")
    }


def test_a_response_has_a_required_id_and_no_password(document: Json) -> None:
    user = document["components"]["schemas"]["User"]
    assert user["properties"].keys() == {"id", "name"}
    assert user["required"] == ["id", "name"]
    assert user["properties"]["id"]["readOnly"] is True


def test_a_new_record_has_a_write_only_password_and_no_id(document: Json) -> None:
    user = document["components"]["schemas"]["UserInput"]
    assert user["properties"].keys() == {"name", "password"}
    assert user["properties"]["password"]["writeOnly"] is True


def test_the_id_is_optional_in_an_update(document: Json) -> None:
    ship = document["components"]["schemas"]["ShipUpdate"]
    assert "id" in ship["properties"]
    assert ship["required"] == ["name", "crew", "roles"]


def test_a_patch_has_no_required_fields_and_two_media_types(document: Json) -> None:
    assert document["components"]["schemas"]["ShipPatch"]["required"] == []
    body = document["paths"]["/api/ships/{id}"]["patch"]["requestBody"]
    assert body["content"].keys() == {"application/json", "application/merge-patch+json"}


def test_additional_properties_are_not_allowed(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert [schema["additionalProperties"] for schema in schemas.values()] == [False] * len(schemas)


def test_integers_have_bounds(document: Json) -> None:
    crew = document["components"]["schemas"]["Ship"]["properties"]["crew"]
    assert crew == {"type": "integer", "minimum": 1, "maximum": MAX_INTEGER}


def test_two_schemas_with_the_same_name_are_two_components() -> None:
    def route(path: str, **fields: Any) -> web.RouteDef:
        return web.get(path, response_schema(Schema.from_dict(fields, name="ThingSchema"))(undocumented()))

    document = openapi_routes.document(route("/a", x=String()), route("/b", y=String()), route("/c", x=String()))
    assert document["components"]["schemas"].keys() == {"Error", "Thing", "Thing2"}
    assert [*content_of_200(document, "/c")["schema"].values()] == ["#/components/schemas/Thing"]


def test_nested_schemas_are_components() -> None:
    class CrewSchema(Schema):
        captain = Nested(UserSchema)
        ships = List(Nested(ShipSchema))
        first = Nested(lambda: CrewSchema())

    document = openapi_routes.document(web.get("/crew", response_schema(CrewSchema)(undocumented())))
    OpenAPIV31SpecValidator(document).validate()
    for reference in references(document):
        resolve(document, reference)
    assert content_of_200(document, "/crew")["example"]["ships"][0]["name"] == "X-Wing"
