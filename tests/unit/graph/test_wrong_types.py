"""Arguments of the wrong type are mistakes with messages, not errors of Python."""

import pytest
import torch

from composer import Graph
from composer.errors import ComposerError, InputError
from sample_nodes import NODES

SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {"a": {"uses": "shift", "inputs": {"x": "x"}}},
    "outputs": {"y": "a"},
}
X = torch.zeros(2)


@pytest.fixture
def graph():
    return Graph.from_spec(SPEC, nodes=NODES)


@pytest.mark.parametrize(
    "call",
    [
        lambda graph: graph.run(X, until=3),
        lambda graph: graph.run(X, until=[3]),
        lambda graph: graph.run(X, until=[["a"]]),
        lambda graph: graph.run(X, until=b"a"),
        lambda graph: graph.run(X, until={}),
        lambda graph: graph.run(X, until=graph),
        lambda graph: graph.run(X, feeds=3),
        lambda graph: graph.run(X, feeds=["a"]),
        lambda graph: graph.run(X, feeds={3: X}),
        lambda graph: graph.run(X, feeds={None: X}),
        lambda graph: graph.run(X, mode=3),
        lambda graph: graph.run(X, mode=["inference"]),
        lambda graph: graph.run(X, mode="train"),
        lambda graph: graph.run(X, seed="3"),
        lambda graph: graph.run(X, seed=1.5),
        lambda graph: graph.plan(3),
        lambda graph: graph.plan("a", feeds=[3]),
        lambda graph: graph.plan("a", mode=3),
        lambda graph: graph.subgraph(until=None),
        lambda graph: graph.subgraph(until="a", feeds=3),
        lambda graph: graph.session(X)[3],
        lambda graph: graph.session(X)[None],
        lambda graph: graph.session(X).plan(3),
        lambda graph: graph.session(X, feeds=3),
        lambda graph: graph.session(X, seed="a"),
        lambda graph: graph.session(X, mode=3),
        lambda graph: 3 in graph.session(X),
        lambda graph: graph.module(3),
        lambda graph: graph.resolve_node(None),
        lambda graph: graph.nodes(3),
        lambda graph: graph.add_hook(3, "after"),
        lambda graph: graph.add_hook(print, 3),
        lambda graph: graph.add_hook(print, "after", 3),
        lambda graph: graph.load(3),
        lambda graph: graph.load(None),
        lambda graph: graph.load({"a": X}),
        lambda _: Graph.from_spec(None),
        lambda _: Graph.from_spec(3),
        lambda _: Graph.from_spec(b"people"),
        lambda _: Graph.open(None),
        lambda _: Graph.open(3.5),
        lambda _: Graph.open(["a"]),
        lambda _: Graph.open(SPEC, 3, nodes=NODES),
        lambda _: Graph.open(SPEC, {"a": X}, nodes=NODES),
        lambda _: Graph.open(SPEC, nodes=NODES, set=3),
        lambda _: Graph.open(SPEC, nodes=NODES, set=[3]),
        lambda _: Graph.open(SPEC, nodes=NODES, set=[("a", 1, 2)]),
        lambda _: Graph.open(SPEC, nodes=NODES, until=3),
        lambda _: Graph.open(SPEC, nodes=NODES, until="a", feeds=3),
    ],
)
def test_a_wrong_type_is_told(graph, call):
    with pytest.raises(ComposerError):
        call(graph)


def test_one_feed_needs_no_list(graph):
    assert graph.plan("a", feeds="x").used_feeds == graph.plan("a", feeds=["x"]).used_feeds
    assert graph.subgraph(until="a", feeds="x")(X).shape == (2,)


def test_messages_say_what_is_right(graph):
    with pytest.raises(InputError, match="nodes and ports are named by texts, not int 3"):
        graph.run(X, until=3)
    with pytest.raises(InputError, match=r"a model is a name, a file, .* not nothing"):
        Graph.from_spec(None)


def test_bare_tensors_of_boxes_and_of_turned_images_are_led_to_what_is_right():
    detector = Graph.from_spec("rpn_r50_fpn", depth=18)
    with pytest.raises(InputError, match=r"give one for each image, \[Boxes\(tensor\)\]"):
        detector.run(until="anchors", feeds={"proposals": torch.zeros(3, 4)})
    for image, right in [
        (torch.zeros(40, 50, 3), r"image.permute\(2, 0, 1\)"),
        (torch.zeros(40, 50), r"image.expand\(3, -1, -1\)"),
    ]:
        with pytest.raises(InputError, match=right):
            detector([{"image": image}])
