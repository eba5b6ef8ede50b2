"""The JSON Schema of specs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from composer.discovery import shipped_folder
from composer.documents import parse_value
from composer.registry import Publication, Registry
from composer.schema import inline_definitions, loosen, make_schema

SPECS = sorted(shipped_folder("specs").rglob("*.yaml"))


@pytest.fixture(scope="module")
def schema():
    return make_schema().document


@pytest.fixture(scope="module")
def find_errors(schema):
    """Gives the places of a document that the schema refuses."""
    validator = Draft202012Validator(schema)
    return lambda document: {error.json_path for error in validator.iter_errors(document)}


def spec_of(node, **others):
    return {"composer": 1, "nodes": {"a": node}, **others}


def test_schema_is_a_schema(schema):
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shipped_spec_fits(find_errors, path):
    document = parse_value(path.read_text(encoding="utf-8"), str(path)).plain()
    assert find_errors(document) == set()


@pytest.mark.parametrize(
    ("config", "places"),
    [
        ({"num_classes": 3}, set()),
        ({"num_classes": "many"}, {".num_classes"}),
        ({"num_classes": "${classes}"}, set()),
        ({"num_classes": None}, set()),  # takes away what a base has
        ({"conv_dims": ["${dim}", 256]}, set()),
        ({"conv_dims": ["wide", 256]}, {".conv_dims[0]"}),
        ({"norm": "GN"}, set()),
        ({"norm": "no such norm"}, {".norm"}),
        ({"norm": "${norm}"}, set()),
        ({"classes": 3}, {""}),
        ({}, set()),
        (None, set()),
        ("${configuration}", set()),
    ],
)
@pytest.mark.parametrize("name", ["mask_head", "composer-rcnn/mask_head"])
def test_configuration_is_that_of_the_node_type(find_errors, name, config, places):
    found = find_errors(spec_of({"uses": name, "with": config}))
    assert found == {f"$.nodes.a.with{place}" for place in places}


def test_nodes_of_nested_graphs_are_looked_at(find_errors):
    inner = {"uses": "mask_head", "with": {"num_classes": "many"}}
    assert find_errors(spec_of({"nodes": {"b": inner}})) == {"$.nodes.a.nodes.b.with.num_classes"}


def test_node_type_that_is_not_installed_here_is_allowed(find_errors):
    assert find_errors(spec_of({"uses": "somebodys_head", "with": {"anything": 1}})) == set()


def test_node_types_are_suggested(schema):
    suggested = schema["$defs"]["NodeDocument"]["properties"]["uses"]["anyOf"][0]["enum"]
    assert {"mask_head", "composer-rcnn/mask_head"} <= set(suggested)


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ({"composer": 1}, {"$"}),
        ({"composer": 1, "extends": "mask_rcnn_r50_fpn"}, set()),
        ({"nodes": {}}, {"$"}),
        ({"composer": 1, "nodes": {}, "node": {}}, {"$"}),
        (spec_of({"use": "mask_head"}), {"$.nodes.a"}),
        (spec_of({"uses": "x", "inputs": {"x": "a b"}}), {"$.nodes.a.inputs.x"}),
        (spec_of({"uses": "x", "inputs": {"x": {"training": "a", "inference": "b.c"}}}), set()),
        (spec_of({"uses": "x", "when": "sometimes"}), {"$.nodes.a.when"}),
        (spec_of(None), set()),
        (spec_of({}, inputs={"b": {"image": {"shortest_edge": "${edge}"}}}), set()),
        (spec_of({}, inputs={"b": "ImageBatch"}), set()),
        (spec_of({}, params={"anything": [1, {"a": None}]}), set()),
        (spec_of({}, outputs={"inference": {"x": "a"}, "training": {"y": ["a", "b.c"]}}), set()),
    ],
)
def test_language_is_checked(find_errors, document, places):
    assert find_errors(document) == places


def test_plugin_that_fails_to_import_is_left_out_and_named():
    good = Publication(
        "mask_head", "composer_rcnn.mask_head", "MaskHead", "detection-composer", "1"
    )
    bad = Publication("broken", "no_such_module", "X", "somebody", "2")
    made = make_schema(Registry([good, bad]))
    (failure,) = made.failures
    assert "'broken' of no-such-module (somebody 2) fails to import" in failure
    names = made.document["$defs"]["NodeDocument"]["properties"]["uses"]["anyOf"][0]["enum"]
    assert "broken" in names
    Draft202012Validator.check_schema(made.document)


def test_name_that_two_plugins_publish_has_to_be_qualified():
    clashing = [
        Publication("mask_head", "composer_rcnn.mask_head", "MaskHead", distribution, "1")
        for distribution in ("one", "two")
    ]
    node = make_schema(Registry(clashing)).document["$defs"]["NodeDocument"]
    names = node["properties"]["uses"]["anyOf"][0]["enum"]
    assert names == ["one/mask_head", "two/mask_head"]


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
