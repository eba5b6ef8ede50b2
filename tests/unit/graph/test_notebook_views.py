"""Graphs, plans and profiles in a line, and as tables or drawings in notebooks."""

import pytest
import torch

from composer import Graph
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
