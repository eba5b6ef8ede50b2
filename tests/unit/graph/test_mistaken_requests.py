"""Requests that cannot be meant as they are."""

import pytest
import torch

from composer import ExecutionError, Graph, InputError, NameResolutionError, PluginError
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


@pytest.mark.parametrize(
    ("value", "given"),
    [(3.0, r"float \(3\.0\)"), (None, "NoneType"), ([torch.zeros(1)], "list"), ("x", "str")],
)
def test_what_is_fed_is_checked_before_anything_runs(graph, value, given):
    seen = []
    graph.add_hook(lambda path, _: seen.append(path), "before")
    message = f"'one' is Tensor; a value of type {given}"
    with pytest.raises(InputError, match=message):
        graph.run(torch.zeros(1), until="two", feeds={"one": value})
    with pytest.raises(InputError, match=message):
        graph.session(torch.zeros(1))["one"] = value
    assert seen == []


@pytest.mark.parametrize("name", ["one:", "one.output:", ":"])
def test_a_tap_names_a_module(graph, name):
    with pytest.raises(NameResolutionError, match=f"'{name}' names no module after the colon"):
        graph.run(torch.zeros(1), until=name)


@pytest.mark.parametrize("ask", [Graph.run, Graph.plan, Graph.subgraph])
def test_an_empty_list_of_targets_is_refused(graph, ask):
    with pytest.raises(InputError, match="no node is named"):
        ask(graph, until=[])


@pytest.mark.parametrize("mode", ["before", "after"])
def test_a_hook_that_fails_tells_at_which_node(graph, mode):
    def hook(_path, _values):
        raise ZeroDivisionError("by nothing")

    graph.add_hook(hook, mode, "two")
    message = f"a hook {mode} node 'two' failed: ZeroDivisionError: by nothing"
    with pytest.raises(ExecutionError, match=message) as caught:
        graph(torch.zeros(1))
    assert caught.value.path == "two"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_plans_are_kept_but_not_without_end(graph):
    whole, one = graph.plan(), graph.plan("one")
    assert graph.plan() is whole
    assert graph.plan("one") is one
    for count in range(300):
        graph.plan(["two"] * (count + 1))
    assert graph.plan() is whole
    assert graph.plan("one") is not one


def test_a_graph_without_weights_is_where_its_values_are():
    spec = {**SPEC, "nodes": {"one": {"uses": "noise", "inputs": {"x": "x"}}}}
    spec["outputs"] = {"y": "one"}
    graph = Graph.from_spec(spec, nodes=NODES)
    table = graph.callables
    assert table.placement({}).default.type == "cpu"
    assert table.placement({"x": [torch.zeros(1, device="meta")]}).default.type == "meta"
    graph.register_buffer("mean", torch.zeros(1))
    assert table.placement({"x": torch.zeros(1, device="meta")}).default.type == "cpu"
    assert graph(torch.zeros(2, device="meta"))["y"].device.type == "meta"


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


@pytest.mark.parametrize("name", ["loss", "head.loss", "loss.total[0]", "loss.output"])
def test_a_name_of_another_mode_says_which(name):
    nodes = {
        "body": {"uses": "shift", "inputs": {"x": "x"}},
        "head": {
            "nodes": {"loss": {"uses": "losses", "when": "training", "inputs": {"x": "body"}}},
            "inputs": {"body": "body"},
        },
    }
    graph = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=NODES)
    session = graph.session(torch.ones(1))
    asks = [lambda: session.read(name), lambda: session.gradient(name, "body")]
    asks += [] if "[" in name else [lambda: graph.plan(name), lambda: session.edit(name, torch.neg)]
    for ask in asks:
        with pytest.raises(NameResolutionError, match=r"in training mode there is 'head\.loss"):
            ask()
    with pytest.raises(NameResolutionError, match="Did you mean 'body'"):
        session.read("bod")
