"""An OpenAPI document as tables: what a reader needs, in words."""

from typing import Any

from target_app.openapi_view import Body, Field, Refusal, sections

SCHEMAS = {
    "Person": {
        "type": "object",
        "required": ["name", "friends"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 64, "description": "As on the door."},
            "age": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            "kind": {"enum": ["member", "guest"]},
            "friends": {"type": "array", "items": {"$ref": "#/components/schemas/Person"}},
            "marks": {"type": "object", "additionalProperties": {"type": "number"}},
            "rest": {},
        },
    }
}
A_PERSON = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Person"}}}}


def a_document(**operation: Any) -> dict[str, Any]:
    said = {"summary": "Greet", "tags": ["people"], "responses": {"200": {"description": "Done"}}, **operation}
    return {
        "tags": [{"name": "people", "description": "Who is there."}, {"name": "empty"}],
        "paths": {"/people/{name}": {"get": said, "head": {}}},
        "components": {"schemas": SCHEMAS},
    }


def test_endpoints_stand_under_their_tags() -> None:
    """In the document's order, with its words; a tag without endpoints has no section."""
    (section,) = sections(a_document(description="Say hello.", security=[{"Bearer": []}]))
    (endpoint,) = section.endpoints

    assert (section.name, section.text) == ("people", "Who is there.")
    assert (endpoint.method, endpoint.path, endpoint.anchor) == ("GET", "/people/{name}", "GET-people-name")
    assert (endpoint.summary, endpoint.text, endpoint.needs_login) == ("Greet", "Say hello.", True)


def test_an_endpoint_without_a_tag_is_not_lost() -> None:
    """It has a section all the same."""
    (section,) = sections(a_document(tags=[]))

    assert section.name == "other"


def test_a_schema_becomes_a_table() -> None:
    """Types in words, and a schema that holds itself is followed once."""
    (section,) = sections(a_document(requestBody=A_PERSON))

    assert section.endpoints[0].body == Body(
        types=("application/json",),
        text="",
        fields=(
            Field("name", "string, 1 to 64 characters", "As on the door."),
            Field("age", "integer, 0 or more or null", "", required=False),
            Field("kind", '"member" or "guest"', "", required=False),
            Field("friends", "list of object", ""),
            Field("marks", "object of number", "", required=False),
            Field("rest", "anything", "", required=False),
        ),
    )


def test_fields_within_fields_are_named_by_their_way() -> None:
    """`people[].name` is the name of each of the people."""
    wrapped = {"type": "object", "properties": {"people": {"type": "array", "items": SCHEMAS["Person"]}}}
    answer = {"200": {"description": "Done", "content": {"application/json": {"schema": wrapped}}}}
    (section,) = sections(a_document(responses=answer))
    ((_, body),) = section.endpoints[0].answers

    assert [field.name for field in body.fields][:3] == ["people", "people[].name", "people[].age"]


def test_parameters_tell_where_they_belong() -> None:
    """Path or query, needed or not."""
    parameters = [
        {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}, "description": "How many."},
    ]
    (section,) = sections(a_document(parameters=parameters))

    assert section.endpoints[0].parameters == (
        Field("name", "string", "", place="path"),
        Field("limit", "integer, 9 at most", "How many.", place="query", required=False),
    )


def test_refusals_are_told_by_status() -> None:
    """In order, apart from the answers."""
    responses = {"500": {"description": "Ours."}, "200": {"description": "Done"}, "404": {"description": "Nobody."}}
    (section,) = sections(a_document(responses=responses))

    assert section.endpoints[0].refusals == (Refusal("404", "Nobody."), Refusal("500", "Ours."))
    assert section.endpoints[0].answers == (("200", Body((), "Done", ())),)
