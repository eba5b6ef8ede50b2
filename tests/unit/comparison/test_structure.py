"""Differences of structure, and nodes that were renamed."""

import pytest

from composer.comparison import compare_structure, pair_nodes
from composer.construction import check_source
from sample_nodes import NODES

BASE = {
    "composer": 1,
    "name": "base",
    "params": {"width": 3},
    "inputs": {"x": "any"},
    "nodes": {
        "first": {"uses": "source", "inputs": {"x": "x"}},
        "middle": {"uses": "linear", "inputs": {"x": "first"}, "with": {"out": "${width}"}},
        "last": {"uses": "shift", "inputs": {"x": "middle"}, "with": {"by": 2.0}},
    },
    "outputs": {"y": "last"},
}


def changed(**nodes):
    """The base with other nodes; those that are None are left out."""
    merged = {**BASE["nodes"], **nodes}
    return {**BASE, "nodes": {name: node for name, node in merged.items() if node is not None}}


def compare(one, other, scope=None):
    blueprints = [check_source(each, nodes=NODES) for each in (one, other)]
    pairing = pair_nodes(*blueprints)
    return [str(change) for change in compare_structure(*blueprints, pairing, scope)]


def test_equal_models_have_no_differences():
    assert compare(BASE, BASE) == []
    assert compare(BASE, {**BASE, "name": "other", "doc": "Another text."}) == []


def test_the_order_of_nodes_is_no_difference():
    assert compare(BASE, {**BASE, "nodes": dict(reversed(BASE["nodes"].items()))}) == []


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ({"last": {**BASE["nodes"]["last"], "with": {"by": 3.0}}}, ["last  by: 2.0 -> 3.0"]),
        ({"last": {**BASE["nodes"]["last"], "with": {}}}, ["last  by: 2.0 -> 1.0"]),
        (
            {"last": {**BASE["nodes"]["last"], "inputs": {"x": "first"}}},
            ["last  wire x: middle -> first"],
        ),
        (
            {"last": {"uses": "scale", "inputs": {"x": "middle"}}},
            [
                "last  type: shift (sample_nodes.shift) -> scale (sample_nodes.Scale)",
                "last  by: 2.0 -> nothing",
                "last  start: nothing -> 2.0",
                "last  norm: nothing -> ",
            ],
        ),
        ({"more": {"uses": "shift", "inputs": {"x": "x"}}}, ["more  added (shift)"]),
        (
            {"middle": {**BASE["nodes"]["middle"], "namespace": "old"}},
            ["middle  namespace: null -> old"],
        ),
    ],
)
def test_each_difference_of_a_node_is_listed(nodes, expected):
    assert compare(BASE, changed(**nodes)) == expected


def test_a_default_that_is_written_out_is_no_difference():
    written = {**BASE["nodes"]["middle"], "with": {"out": 3, "bias": True}}
    other = {key: value for key, value in changed(middle=written).items() if key != "params"}
    assert compare(BASE, other) == []


def test_a_removed_node_is_listed_with_the_wire_that_led_to_it():
    other = changed(middle=None, last={**BASE["nodes"]["last"], "inputs": {"x": "first"}})
    assert compare(BASE, other) == ["middle  removed (linear)", "last  wire x: middle -> first"]


def test_a_node_of_another_name_is_guessed_by_its_likeness():
    other = changed(
        middle=None,
        projection=BASE["nodes"]["middle"],
        last={**BASE["nodes"]["last"], "inputs": {"x": "projection"}},
    )
    assert compare(BASE, other) == ["middle  renamed projection (a guess)"]


def test_a_whole_nested_graph_under_another_name_is_guessed():
    def nested(name):
        inner = {
            "uses": "linear",
            "inputs": {"x": "x"},
            "with": {"out": 3},
        }
        graph = {"inputs": {"x": "x"}, "nodes": {"a": inner}, "outputs": {"y": "a"}}
        graph["nodes"] = {"s": {"uses": "source", "inputs": {"x": "x"}}, "a": {**inner}}
        graph["nodes"]["a"]["inputs"] = {"x": "s"}
        spec = {"composer": 1, "name": "n", "inputs": {"x": "any"}}
        return {**spec, "nodes": {name: graph}, "outputs": {"y": name}}

    found = compare(nested("head"), nested("roi_heads"))
    assert found == [
        "head.s  renamed roi_heads.s (a guess)",
        "head.a  renamed roi_heads.a (a guess)",
    ]


def test_a_node_of_the_same_type_that_is_unlike_is_no_guess():
    other = changed(
        last=None,
        offset={"uses": "shift", "inputs": {"x": "first"}, "with": {"by": 7.0}},
    )
    other["outputs"] = {"y": "offset"}
    found = compare(BASE, other)
    assert "last  removed (shift)" in found
    assert "offset  added (shift)" in found


def test_inputs_outputs_params_and_metadata_count_unless_there_is_a_scope():
    other = {
        **BASE,
        "params": {"width": 4},
        "outputs": {"y": "middle"},
        "metadata": {"thing_classes": ["cat", "dog"]},
    }
    found = compare(BASE, other)
    assert sorted(found) == [
        "middle  out: 3 -> 4",
        "thing_classes: 0 entries -> 2 entries",
        "width  param: 3 -> 4",
        "y  output inference: last -> middle",
        "y  output training: last -> middle",
    ]
    assert compare(BASE, other, scope={"x", "first"}) == []


def test_one_other_name_in_a_list_is_shown_with_its_index():
    one, other = (
        {**BASE, "metadata": {"thing_classes": [f"class{i}" for i in range(3)] + [last]}}
        for last in ("cat", "dog")
    )
    assert compare(one, other) == ["thing_classes: [3] cat -> [3] dog"]


def test_how_images_are_read_is_part_of_the_structure(open_small):
    one = open_small().blueprint
    spec = {**one.spec.document, "inputs": {"batch": {**one.spec.document["inputs"]["batch"]}}}
    image = {**spec["inputs"]["batch"]["image"], "channel_order": "RGB"}
    spec["inputs"]["batch"]["image"] = image
    other = check_source(spec)
    found = compare_structure(one, other, pair_nodes(one, other))
    assert [str(change) for change in found] == ["batch  image channel_order: BGR -> RGB"]
