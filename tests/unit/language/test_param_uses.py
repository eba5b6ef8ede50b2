"""Saved checkpoints keep the params that only give nodes and images their settings."""

import pytest

from composer import Graph
from composer.construction import check_source
from sample_nodes import NODES

DOCUMENT = {
    "composer": 1,
    "params": {"size": 3.0, "word": "a", "pair": 1.0, "edge": 64},
    "inputs": {"x": {"type": "any", "image": {"shortest_edge": "${edge}"}}},
    "nodes": {
        "one": {"uses": "scale", "inputs": {"x": "x"}, "with": {"start": "${size}"}},
        "group": {
            "inputs": {"x": "one"},
            "nodes": {"two": {"uses": "scale", "inputs": {"x": "x"}, "with": {"start": "${size}"}}},
            "outputs": {"y": "two"},
        },
        "three": {"uses": "scale", "inputs": {"x": "group"}, "namespace": "${word}.b"},
        "four": {"uses": "scale", "inputs": {"x": "three"}, "with": {"start": "${pair}"}},
    },
    "outputs": {"y": "four"},
}


@pytest.fixture
def reopened(tmp_path):
    """What is opened from a checkpoint of the document with some values set."""

    def reopen(**values):
        Graph.from_spec(DOCUMENT, nodes=NODES, set=values).save(tmp_path / "m.safetensors")
        return lambda **later: Graph.open(tmp_path / "m.safetensors", nodes=NODES, set=later)

    return reopen


def starts(graph):
    nodes = graph.blueprint.nodes
    return [nodes[path].config["start"] for path in ("one", "group.two", "four")]


def test_params_of_a_checkpoint_are_set_like_those_of_its_spec(reopened):
    open_again = reopened(size=5.0)
    assert starts(open_again()) == [5.0, 5.0, 1.0]
    assert starts(open_again(size=7.0)) == [7.0, 7.0, 1.0]


def test_a_value_that_was_set_by_itself_stays_when_the_param_changes(reopened):
    assert starts(reopened(**{"two.start": 9.0})(size=7.0)) == [7.0, 9.0, 1.0]


def test_params_that_go_elsewhere_too_are_values_in_a_checkpoint(reopened):
    assert set(reopened()().spec.params) == {"size", "pair", "edge"}


def test_the_image_size_of_a_checkpoint_is_set_like_that_of_its_spec(reopened):
    graph = reopened(edge=48)(edge=32)
    assert graph.spec.graph.inputs["x"].image.shortest_edge == 32


def test_uses_are_named_by_their_addresses():
    uses = check_source(DOCUMENT, nodes=NODES).spec.resolved.param_uses
    assert uses == {
        "edge": ("inputs.x.image.shortest_edge",),
        "size": ("one.start", "group.two.start"),
        "pair": ("four.start",),
    }
