"""Requests that cannot be meant as they are."""

import pytest
import torch

from composer import Graph, InputError, PluginError
from sample_nodes import NODES

SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "one": {"uses": "scale", "inputs": {"x": "x"}},
        "two": {"uses": "shift", "inputs": {"x": "one"}},
    },
    "outputs": {"y": "two"},
}


@pytest.fixture
def graph():
    return Graph.from_spec(SPEC, nodes=NODES)


def test_a_value_is_fed_once(graph):
    feeds = {"one": torch.zeros(1), "one.output": torch.ones(1)}
    with pytest.raises(InputError, match=r"'one' is fed twice, the second time as 'one\.output'"):
        graph.run(until="two", feeds=feeds)


def test_a_hook_is_called_before_or_after(graph):
    with pytest.raises(InputError, match="not 'befor'"):
        graph.add_hook(print, "befor")


def test_taking_a_hook_away_twice_leaves_an_equal_one(graph):
    seen = []

    def hook(path, _):
        seen.append(path)

    first = graph.add_hook(hook, "after", "one")
    graph.add_hook(hook, "after", "one")
    first.remove()
    first.remove()
    graph(torch.zeros(1))
    assert seen == ["one"]


def test_a_device_that_is_not_there_is_named_with_its_node():
    spec = {**SPEC, "nodes": {**SPEC["nodes"], "one": {**SPEC["nodes"]["one"], "device": "xpu"}}}
    with pytest.raises(PluginError, match="node 'one' cannot be put on 'xpu'"):
        Graph.from_spec(spec, nodes=NODES)
