import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from composer.schema.loosening import inline_definitions, loosen

SCHEMAS = [
    {"type": "integer", "minimum": 0},
    {"type": "string"},
    {"type": "string", "pattern": "^a"},
    {"enum": ["a", "b"]},
    {"const": 3},
    {"type": "boolean", "description": "whether"},
    {"type": "array", "items": {"type": "number"}, "minItems": 1},
    {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
    {"anyOf": [{"type": "integer"}, {"oneOf": [{"const": "x"}, {"type": "array"}]}]},
    {"type": ["object", "null"]},
    {},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 4) | st.sampled_from(["a", "b", "x", "", "$"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


def fits(schema, value):
    return Draft202012Validator(schema).is_valid(value)


@given(st.sampled_from(SCHEMAS), VALUES)
def test_what_was_allowed_is_still_allowed(schema, value):
    Draft202012Validator.check_schema(loosen(schema))
    if fits(schema, value):
        assert fits(loosen(schema), value)


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
@pytest.mark.parametrize("value", ["${name}", "a ${name} b", None])
def test_param_may_stand_for_every_value(schema, value):
    assert fits(loosen(schema), value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 0}, -1),
        ({"type": "integer"}, "text"),
        ({"type": "string", "pattern": "^a"}, "b"),
        ({"enum": ["a", "b"]}, "c"),
        ({"const": 3}, 4),
        ({"type": "array", "items": {"type": "number"}}, ["text"]),
        ({"type": "array", "prefixItems": [{"type": "number"}]}, ["text"]),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": "text"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": "text"}),
        ({"type": "object", "patternProperties": {"a": {"type": "integer"}}}, {"a": "text"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "text"),
        ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, "text"),
    ],
)
def test_wrong_value_is_still_wrong(schema, value):
    assert not fits(loosen(schema), value)


def test_what_is_required_may_come_from_a_base():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert fits(loosen(schema), {})


def test_values_inside_values_may_be_params():
    schema = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}
    assert fits(loosen(schema), [[1, "${a}"], "${b}"])


def test_description_stays_where_editors_look():
    loose = loosen({"enum": ["a"], "description": "which one", "default": "a", "title": "Which"})
    assert (loose["description"], loose["default"], loose["title"]) == ("which one", "a", "Which")


def test_definitions_are_put_in_place():
    definitions = {
        "Size": {"type": "array", "items": {"$ref": "#/$defs/Side"}},
        "Side": {"type": "integer"},
    }
    schema = {"properties": {"size": {"$ref": "#/$defs/Size"}}}
    assert inline_definitions(schema, definitions) == {
        "properties": {"size": {"type": "array", "items": {"type": "integer"}}}
    }


def test_definition_that_contains_itself_ends():
    definitions = {"Tree": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}
    assert inline_definitions({"$ref": "#/$defs/Tree"}, definitions) == {
        "type": "array",
        "items": {},
    }
