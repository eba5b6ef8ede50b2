"""State dicts: keys by namespace, alone and inside other modules, and what a load complains of."""

import pytest
import torch
from torch import nn

from composer import Graph, SpecError
from sample_nodes import NODES

DOCUMENT = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "g": {
            "inputs": {"x": "x"},
            "namespace": "h",
            "nodes": {
                "a": {"uses": "scale", "inputs": {"x": "x"}},
                "b": {"uses": "scale", "namespace": ".", "inputs": {"x": "a"}},
            },
            "outputs": {"y": "b"},
        },
        "c": {"uses": "scale", "namespace": "d", "inputs": {"x": "g"}},
        "d": {"uses": "scale", "namespace": "c", "inputs": {"x": "c"}},
        "again": {"same_as": "d", "inputs": {"x": "d"}},
    },
}
KEYS = ["h.a.weight", "h.weight", "d.weight", "c.weight"]


def build(document=DOCUMENT):
    return Graph.from_spec(document, nodes=NODES)


def values(offset):
    return {key: torch.tensor(float(index + offset)) for index, key in enumerate(KEYS)}


def test_keys_and_names_of_parameters_are_namespaces():
    graph = build()
    assert sorted(graph.state_dict()) == sorted(KEYS)
    assert sorted(name for name, _ in graph.named_parameters()) == sorted(KEYS)


@pytest.mark.parametrize("wrap", [lambda graph: graph, nn.Sequential])
def test_what_is_saved_is_loaded_where_it_belongs(wrap):
    graph = build()
    outer = wrap(graph)
    prefix = "" if outer is graph else "0."
    report = outer.load_state_dict({prefix + key: value for key, value in values(5).items()})
    assert report.missing_keys == report.unexpected_keys == []
    weights = [graph.module(path).weight.item() for path in ("g.a", "g.b", "c", "d")]
    assert weights == [5, 6, 7, 8]
    assert {key: value.item() for key, value in outer.state_dict().items()} == {
        prefix + key: value.item() for key, value in values(5).items()
    }


def test_a_load_does_not_change_what_it_is_given():
    given = values(1)
    build().load_state_dict(given)
    assert list(given) == KEYS


def test_two_graphs_in_one_module_keep_to_themselves():
    outer = nn.ModuleDict({"one": build(), "two": build()})
    state = {
        f"{name}.{key}": value
        for name, at in (("one", 1), ("two", 9))
        for key, value in values(at).items()
    }
    outer.load_state_dict(state)
    assert outer["one"].module("g.b").weight == 2
    assert outer["two"].module("g.b").weight == 10
    del state["two.h.weight"]
    assert outer.load_state_dict(state, strict=False).missing_keys == ["two.h.weight"]


@pytest.mark.parametrize(("wrap", "prefix"), [(lambda graph: graph, ""), (nn.Sequential, "0.")])
def test_a_strict_load_complains_in_the_names_of_the_state_dict(wrap, prefix):
    state = {prefix + key: value for key, value in values(0).items()}
    del state[f"{prefix}h.weight"]
    state[f"{prefix}h.a.weight"] = torch.zeros(3)
    state[f"{prefix}surplus"] = torch.zeros(1)
    with pytest.raises(RuntimeError) as caught:
        wrap(build()).load_state_dict(state)
    text = str(caught.value)
    assert f'Missing key(s) in state_dict: "{prefix}h.weight"' in text
    assert f'Unexpected key(s) in state_dict: "{prefix}surplus"' in text
    assert f"size mismatch for {prefix}h.a.weight" in text
    assert "g." not in text


def test_a_path_that_is_no_key_is_not_expected():
    state = {**values(0), "g.b.weight": torch.tensor(7.0)}
    graph = build()
    assert graph.load_state_dict(state, strict=False).unexpected_keys == ["g.b.weight"]
    assert graph.module("g.b").weight == 1


def test_a_subgraph_has_the_keys_of_its_nodes_and_shares_their_weights():
    graph = build()
    part = graph.subgraph(until="c", feeds=["g.a"])
    assert sorted(part.state_dict()) == ["d.weight", "h.weight"]
    with torch.no_grad():
        part.module("g.b").weight.fill_(9.0)
    assert graph.state_dict()["h.weight"] == 9


def test_two_nodes_cannot_keep_weights_under_one_key():
    nodes = {
        "a": {"uses": "scale", "inputs": {"x": "x"}},
        "b": {"uses": "scale", "namespace": "a", "inputs": {"x": "x"}},
    }
    with pytest.raises(SpecError, match="nodes 'a' and 'b' both keep weights under 'a'"):
        build({**DOCUMENT, "nodes": nodes})
