"""Graphs, plans and profiles in a line, and as tables or drawings in notebooks."""

import pytest
import torch

from composer import Graph
from composer.draw import make_diagram, to_dot, to_mermaid
from sample_nodes import NODES

NODES_OF_SPEC = {
    "a": {"uses": "shift", "inputs": {"x": "x"}},
    "b": {"uses": "scale", "inputs": {"x": "a"}},
    "c": {"uses": "scale", "inputs": {"x": "b"}},
}


@pytest.fixture
def graph():
    document = {"composer": 1, "name": "demo", "inputs": {"x": "any"}, "nodes": NODES_OF_SPEC}
    return Graph.from_spec(document, nodes=NODES)


def test_a_graph_is_a_line_and_a_drawing(graph):
    assert repr(graph) == "Graph(demo: 3 nodes in training, 3 nodes in inference)"
    assert "data:image/svg+xml;base64," in graph._repr_html_()


@pytest.mark.parametrize(
    ("until", "feeds", "names"),
    [
        ("end", ["body"], ["body", "end"]),
        ("end", ["last"], ["last", "end"]),
        ("end", ["body.first"], ["body.first", "last", "end"]),
        (["end", "body.first"], ["body"], ["body", "x", "first", "end"]),
        ("sum", ["halves"], ["halves", "halves.high", "sum"]),
        ("sum", ["halves.high", "halves.low"], ["halves.high", "halves.low", "sum"]),
        ("sum", ["x"], ["x", "halves", "sum"]),
    ],
)
def test_a_part_is_drawn_with_its_feeds_as_inputs(until, feeds, names):
    inner = {
        "first": {"uses": "shift", "inputs": {"x": "x"}},
        "last": {"uses": "shift", "inputs": {"x": "first"}},
    }
    nodes = {
        "body": {"inputs": {"x": "x"}, "nodes": inner, "outputs": {"y": "last"}},
        "end": {"uses": "scale", "inputs": {"x": "body"}},
        "halves": {"uses": "split", "inputs": {"x": "x"}},
        "sum": {"uses": "add", "inputs": {"a": "halves.low", "b": "halves.high"}},
    }
    whole = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=NODES)
    part = whole.subgraph(until=until, feeds=feeds)
    drawn = make_diagram(part.blueprint, "inference")
    assert {box.title for box in drawn.boxes.values() if box.kind != "output"} == {*names}
    assert {link.tail for link in drawn.links} <= {*drawn.boxes}
    assert "data:image/svg+xml;base64," in part._repr_html_()
    assert "Session(" in part.session(None)._repr_html_()
    assert to_mermaid(drawn)
    assert to_dot(drawn)


def test_one_node_is_no_nodes(graph):
    assert "1 node in inference" in repr(graph.subgraph(until="b", feeds=["a"]))


def test_a_plan_is_a_line_and_a_table(graph):
    plan = graph.plan("b", feeds=["a"])
    assert repr(plan) == "Plan(inference: 1 step for b)"
    shown = plan._repr_html_()
    assert ">b</td>" in shown
    assert "<div>not run: c</div>" in shown
    assert "<div>feeds: a</div>" in shown
    assert repr(graph.plan(["a", "b", "c", "x"])).endswith("for a, b, c, ...)")


def test_a_profile_is_a_line_and_a_table(graph):
    profile = graph.profile(torch.ones(2), until="c")
    assert repr(profile).startswith("Profile(3 nodes, ")
    assert "; most " in repr(profile)
    shown = profile._repr_html_()
    assert shown.count("<tr>") == 4
    assert ">2 float32</td>" in shown


def test_a_load_report_is_a_line_and_a_table(graph, tmp_path):
    graph.save(tmp_path / "demo.safetensors")
    report = graph.load(tmp_path / "demo.safetensors")
    assert repr(report).endswith("demo.safetensors: all 2 tensors of 2 nodes loaded)")
    shown = report._repr_html_()
    assert ">b</td>" in shown
    assert ">1</td>" in shown
