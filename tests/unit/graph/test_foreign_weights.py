"""Checkpoints that name weights in another way than the graph does."""

import pytest
import torch
from torch import Tensor, nn

from composer import Graph
from composer.errors import CheckpointMismatchError


class Trunk(nn.Module):
    """Two layers, of a network that goes on in its own file."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(2, 3)
        self.body = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.stem(x))


class Head(nn.Module):
    """One layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "model": {
            "inputs": {"x": "x"},
            "nodes": {
                "trunk": {"uses": "trunk", "inputs": {"x": "x"}},
                "head": {"uses": "head", "inputs": {"x": "trunk"}},
            },
            "outputs": {"y": "head"},
        }
    },
    "outputs": {"y": "model"},
}


def build(seed=0, **options):
    return Graph.from_spec(SPEC, nodes={"trunk": Trunk, "head": Head}, seed=seed, **options)


@pytest.fixture
def classifier(tmp_path):
    """The file of a network of which the trunk is a part, under names of its own."""
    torch.manual_seed(1)
    state = {**Trunk().state_dict(), "classifier.weight": torch.zeros(5, 3)}
    torch.save(state, tmp_path / "classifier.pth")
    return str(tmp_path / "classifier.pth"), state


@pytest.mark.parametrize("node", ["model.trunk", "trunk", "model"])
def test_the_file_of_a_single_network_fills_the_node_that_it_fits(classifier, node):
    path, state = classifier
    graph = build(weights={node: path})
    for name, value in graph.model.trunk.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert torch.equal(graph.model.head.fc.weight, build().model.head.fc.weight)


def test_a_single_network_in_place_of_the_whole_graph_is_an_error(classifier):
    with pytest.raises(CheckpointMismatchError, match=r"model.head +0/2 +2"):
        build().load(classifier[0])


def test_a_file_with_the_graphs_own_names_is_taken_as_it_is(tmp_path):
    build(seed=5).save(tmp_path / "model.pth")
    graph = build(weights={"trunk": str(tmp_path / "model.pth")})
    assert torch.equal(graph.model.trunk.stem.weight, build(seed=5).model.trunk.stem.weight)
    assert torch.equal(graph.model.head.fc.weight, build().model.head.fc.weight)


def test_a_prefix_says_where_weights_are(classifier):
    path, state = classifier
    graph = build()
    graph.load(path, node="trunk", prefix="", allow_unexpected=True)
    assert torch.equal(graph.model.trunk.stem.weight, state["stem.weight"])
