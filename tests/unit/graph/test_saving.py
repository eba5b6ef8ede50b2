"""What is saved: weights as they are or as smaller numbers, and what they belong to."""

import pytest
import torch
from torch import nn

from composer import CheckpointError, Graph, NameResolutionError, SpecError
from composer.checkpoint import describe_checkpoint, read_checkpoint
from composer.language import SpecMetadata
from sample_nodes import NODES


class Norm(nn.Module):
    """A batch normalisation: floating-point weights, and a count of batches."""

    def __init__(self, *, channels: int = 3) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


DOCUMENT = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "norm", "inputs": {"x": "x"}},
        "b": {"uses": "scale", "inputs": {"x": "a"}},
    },
    "metadata": {"thing_classes": ["cat"]},
}
TYPES = {**NODES, "norm": Norm}
FILES = ["model.safetensors", "model.pth"]


@pytest.fixture
def graph():
    graph = Graph.from_spec(DOCUMENT, nodes=TYPES)
    with torch.no_grad():
        graph.get_submodule("a").norm.weight.copy_(torch.tensor([1 / 3, 2.0, -5.0]))
        graph.get_submodule("a").norm.num_batches_tracked.fill_(70_001)
    return graph


@pytest.mark.parametrize("file", FILES)
def test_metadata_of_the_spec_are_kept(graph, file, tmp_path):
    graph.save(tmp_path / file)
    again = Graph.open(tmp_path / file, nodes=TYPES)
    assert again.spec.metadata == SpecMetadata(thing_classes=("cat",))


@pytest.mark.parametrize("file", FILES)
def test_other_metadata_are_saved_without_changing_the_graph(graph, file, tmp_path):
    graph.save(tmp_path / file, metadata={"thing_classes": ["person", "dog"]})
    again = Graph.open(tmp_path / file, nodes=TYPES)
    assert again.spec.metadata.thing_classes == ("person", "dog")
    assert graph.spec.metadata.thing_classes == ("cat",)
    again.save(tmp_path / file)
    third = Graph.open(tmp_path / file, nodes=TYPES)
    assert third.spec.metadata == again.spec.metadata


def test_wrong_metadata_leave_no_file(graph, tmp_path):
    with pytest.raises(SpecError, match="unknown key 'classes'"):
        graph.save(tmp_path / "model.pth", metadata={"classes": ["a"]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_stored_in_half_come_back_as_the_graph_has_them(graph, file, dtype, tmp_path):
    graph.save(tmp_path / file, dtype=dtype)
    stored = read_checkpoint(tmp_path / file).tensors
    assert stored["a.norm.weight"].dtype == dtype
    assert stored["a.norm.num_batches_tracked"].item() == 70_001
    state = Graph.open(tmp_path / file, nodes=TYPES).state_dict()
    for name, tensor in graph.state_dict().items():
        assert state[name].dtype == tensor.dtype
        rounded = tensor.to(dtype).to(tensor.dtype) if tensor.is_floating_point() else tensor
        assert torch.equal(state[name], rounded)
    assert graph.state_dict()["a.norm.weight"].dtype == torch.float32


def test_a_value_beyond_the_range_is_refused_and_leaves_no_file(graph, tmp_path):
    with torch.no_grad():
        graph.get_submodule("b").weight.fill_(1e5)
    message = r"'b\.weight' has values up to 1e\+05, too large for torch\.float16"
    with pytest.raises(CheckpointError, match=message):
        graph.save(tmp_path / "model.safetensors", dtype=torch.float16)
    assert list(tmp_path.iterdir()) == []
    graph.save(tmp_path / "model.safetensors", dtype=torch.bfloat16)


def test_a_value_that_is_infinite_already_is_stored_so(graph, tmp_path):
    with torch.no_grad():
        graph.get_submodule("b").weight.fill_(float("inf"))
    graph.save(tmp_path / "model.pth", dtype=torch.float16)
    assert read_checkpoint(tmp_path / "model.pth").tensors["b.weight"].isinf()


def test_weights_are_not_stored_as_whole_numbers(graph, tmp_path):
    with pytest.raises(CheckpointError, match=r"floating-point numbers, not as torch\.int8"):
        graph.save(tmp_path / "model.pth", dtype=torch.int8)


def test_a_part_is_stored_with_all_options(graph, tmp_path):
    file = tmp_path / "part.safetensors"
    graph.save(file, nodes="b", dtype=torch.float16, metadata={})
    assert list(describe_checkpoint(file).shapes) == ["b.weight"]
    assert Graph.open(file, nodes=TYPES).spec.metadata == SpecMetadata()
    with pytest.raises(NameResolutionError):
        graph.save(file, nodes="c")


def test_a_saved_subgraph_opens_and_names_the_nodes_that_it_lacks(graph, tmp_path):
    file = tmp_path / "part.safetensors"
    graph.subgraph(until="a").save(file)
    opened = Graph.open(file, nodes=TYPES)
    assert list(opened.random_nodes) == ["b"]


def test_a_subgraph_keeps_where_its_weights_came_from(graph, tmp_path):
    file = tmp_path / "whole.safetensors"
    graph.save(file)
    part = Graph.open(file, nodes=TYPES).subgraph(until="a")
    assert list(part.random_nodes) == []
    assert [(each.file, each.nodes) for each in part.provenance] == [("whole.safetensors", ("a",))]
