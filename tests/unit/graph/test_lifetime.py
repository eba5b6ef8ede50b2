"""A graph goes with its last reference, without waiting for the collection of cycles."""

import copy
import gc
import weakref

import pytest
import torch

from composer.graph import Graph

SPEC = {
    "composer": 1,
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "backbone": {
            "uses": "resnet",
            "with": {"depth": 18, "stem_out_channels": 4, "res2_out_channels": 4},
            "inputs": {"images": "preprocess.images"},
        },
    },
}
BATCH = [{"image": torch.zeros(3, 32, 32)}]


def make_graph():
    return Graph.from_spec(SPEC)


@pytest.fixture(autouse=True)
def _no_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def derive(graph, way):
    if way == "optimised":
        return graph.optimize()
    if way == "part":
        return graph.subgraph(until="backbone", feeds=["preprocess"])
    return copy.deepcopy(graph) if way == "copied" else graph


@pytest.mark.parametrize("way", ["itself", "optimised", "part", "copied"])
def test_graphs_and_weights_are_freed_at_once(way):
    graph = make_graph()
    derived = derive(graph, way)
    graph.run(BATCH, until="backbone")
    seen = [weakref.ref(each) for each in (graph, derived, *derived.parameters())]
    del graph, derived
    assert [found() for found in seen if found() is not None] == []


def test_a_session_keeps_the_modules_of_a_graph_that_is_gone():
    graph = make_graph()
    expected = graph.run(BATCH, until="backbone")["res4"]
    session = graph.session(BATCH)
    del graph
    assert torch.equal(session["backbone"]["res4"], expected)


def test_a_copy_calls_modules_of_its_own():
    graph = make_graph()
    before = graph.run(BATCH, until="backbone")["res4"]
    copied = copy.deepcopy(graph)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert torch.equal(graph.run(BATCH, until="backbone")["res4"], before)
    assert not torch.equal(copied.run(BATCH, until="backbone")["res4"], before)
    assert copied.module("backbone") is copied.get_submodule("backbone")
