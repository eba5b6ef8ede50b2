"""Frozen parts of a graph: their weights and statistics stay what they are, whatever trains."""

import copy

import pytest
import torch
from torch import nn

from composer import Graph
from sample_nodes import NODES


class Stages(nn.Module):
    """Two stages, each with a batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(3, 3, bias=False), nn.BatchNorm1d(3), nn.Dropout(0.5))
        self.res2 = nn.Sequential(nn.Linear(3, 3, bias=False), nn.BatchNorm1d(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.res2(self.stem(x))


TYPES = {**NODES, "stages": Stages}
DOCUMENT = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "backbone": {
            "inputs": {"x": "x"},
            "nodes": {
                "bottom_up": {"uses": "stages", "inputs": {"x": "x"}},
                "top": {"uses": "stages", "namespace": ".", "inputs": {"x": "bottom_up"}},
            },
            "outputs": {"y": "top"},
        },
        "again": {"same_as": "backbone.bottom_up", "inputs": {"x": "backbone"}},
        "head": {"uses": "scale", "inputs": {"x": "again"}},
        "losses": {"uses": "losses", "inputs": {"x": "head"}},
    },
    "outputs": {"training": {"losses": "losses"}, "inference": {"y": "head"}},
}
STEM = "backbone.bottom_up.stem"


def build(*names, document=DOCUMENT):
    return Graph.from_spec({**document, "freeze": list(names)}, nodes=TYPES)


def learning(graph):
    return {name for name, weight in graph.named_parameters() if weight.requires_grad}


def trained(graph):
    """The names in the state dict that a few steps of training change."""
    before = copy.deepcopy(graph.state_dict())
    graph.train()
    optimizer = torch.optim.SGD([w for w in graph.parameters() if w.requires_grad], lr=0.1)
    for _ in range(3):
        loss = graph(torch.randn(8, 3))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name for name, value in graph.state_dict().items() if not value.equal(before[name])}


@pytest.mark.parametrize(
    ("name", "prefixes"),
    [
        (STEM, ("backbone.bottom_up.stem.",)),
        ("bottom_up", ("backbone.bottom_up.",)),
        ("backbone.top", ("backbone.stem.", "backbone.res2.")),  # by its namespace
        ("backbone.top.res2.1", ("backbone.res2.1.",)),
        ("backbone", ("backbone.",)),
        ("head", ("head.",)),
    ],
)
def test_training_changes_all_but_what_is_frozen(name, prefixes):
    graph = build(name)
    changed = trained(graph)
    assert changed == {key for key in graph.state_dict() if not key.startswith(prefixes)}


def test_without_a_list_everything_is_trained():
    graph = build()
    assert trained(graph) == set(graph.state_dict())


def test_only_normalisations_of_frozen_parts_stay_in_inference_while_training():
    graph = build(STEM).train()
    stem = graph.get_submodule(STEM)
    assert (stem[1].training, stem[2].training) == (False, True)
    assert graph.get_submodule("backbone.bottom_up.res2.1").training
    assert graph.training
    assert graph.mode == "training"


def test_a_graph_inside_another_module_keeps_its_frozen_statistics():
    outer = nn.ModuleDict({"model": build(STEM)})
    outer.eval().train()
    assert not outer["model"].get_submodule(STEM)[1].training


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda graph: graph.subgraph(until="backbone")])
def test_copies_and_parts_freeze_the_same(copy_of):
    other = copy_of(build(STEM)).train()
    assert any(name.startswith("backbone.stem.") for name in learning(other))
    assert not any(name.startswith(f"{STEM}.") for name in learning(other))
    assert not other.get_submodule(STEM)[1].training


def test_a_part_that_is_built_alone_freezes_the_same():
    document = {**DOCUMENT, "freeze": [STEM, "head"]}
    part = Graph.from_spec(document, nodes=TYPES, until="backbone")
    assert learning(part) == learning(build(STEM, "head"))


@pytest.mark.parametrize("file", ["model.safetensors", "model.pth"])
def test_a_checkpoint_freezes_the_same_and_loads_into_frozen_parts(file, tmp_path):
    graph = build(STEM, "head")
    with torch.no_grad():
        graph.get_submodule("head").weight.fill_(7.0)
    graph.save(tmp_path / file)
    again = Graph.open(tmp_path / file, nodes=TYPES)
    assert list(again.spec.freeze) == list(graph.spec.freeze) == [STEM, "head"]
    assert learning(again) == learning(graph)
    assert again.get_submodule("head").weight == 7


def test_weights_can_be_given_back_to_training():
    graph = build("head")
    graph.get_submodule("head").requires_grad_(True)
    assert "head.weight" in trained(graph)
    assert "head.weight" in learning(graph.subgraph(until="head"))


def test_a_module_that_is_replaced_by_another_is_left_alone():
    graph = build(STEM)
    graph.get_submodule("backbone").bottom_up = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    assert graph.train().get_submodule("backbone.bottom_up.1").training


def test_a_session_in_training_leaves_frozen_statistics_alone():
    graph = build(STEM).train()
    norm = graph.get_submodule(STEM)[1]
    before = norm.running_mean.clone()
    graph.session(torch.randn(8, 3))["losses"]
    assert norm.running_mean.equal(before)
