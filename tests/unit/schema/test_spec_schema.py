import pytest
from jsonschema import Draft202012Validator

from composer.discovery import specs_directory
from composer.documents import parse_value
from composer.registry import Publication, Registry
from composer.schema import make_schema

SPECS = sorted(specs_directory().rglob("*.yaml"))


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
