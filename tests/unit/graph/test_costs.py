"""Parameters and floating-point operations by node."""

import json
from dataclasses import asdict

import pytest
import torch
from torch import nn
from torchvision.ops import DeformConv2d

from composer import Graph


class Convolution(nn.Module):
    """A convolution of 3 to 4 channels with a kernel of 3 x 3."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)

    def forward(self, x: object) -> object:
        return self.conv(x)


class Deformable(nn.Module):
    """The same with a deformable convolution of which the offsets are zero."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = DeformConv2d(3, 4, 3, padding=1, bias=False)

    def forward(self, x: object) -> object:
        return self.conv(x, x.new_zeros(x.shape[0], 18, *x.shape[2:]))


def double(x: object) -> object:
    return x + x


NODES = {"convolution": Convolution, "deformable": Deformable, "double": double}
X = torch.zeros(2, 3, 5, 7)
OPERATIONS = 2 * 4 * 5 * 7 * 3 * 9  # images, channels, height, width, channels, kernel


@pytest.fixture
def graph():
    node = {"inputs": {"x": "x"}}
    nodes = {
        "first": {"uses": "convolution", **node},
        "again": {"same_as": "first", **node},
        "bent": {"uses": "deformable", **node},
        "plain": {"uses": "double", **node},
    }
    document = {"composer": 1, "name": "costs", "inputs": {"x": "any"}, "nodes": nodes}
    return Graph.from_spec(
        document | {"outputs": {"y": ["first", "again", "bent", "plain"]}}, nodes=NODES
    )


def test_a_multiplication_with_an_addition_is_one_operation(graph):
    costs = {node.path: node.flops for node in graph.costs(X).nodes}
    assert costs == {"first": OPERATIONS, "again": OPERATIONS, "bent": OPERATIONS, "plain": 0}


def test_shared_parameters_count_once(graph):
    costs = graph.costs(X)
    counted = {node.path: node.parameters for node in costs.nodes}
    assert counted == {"first": 108, "again": 0, "bent": 108, "plain": 0}
    assert costs.parameters == sum(p.numel() for p in graph.parameters())


def test_frozen_parameters_are_not_trainable(graph):
    graph.module("first").requires_grad_(False)
    costs = graph.costs(X)
    assert (costs.nodes[0].parameters, costs.nodes[0].trainable, costs.trainable) == (108, 0, 108)


def test_only_what_runs_is_counted(graph):
    costs = graph.costs(X, until="bent")
    assert [node.path for node in costs.nodes] == ["bent"]
    assert torch.equal(costs.result, graph.run(X, until="bent"))


def test_counting_ends_with_the_run(graph):
    with pytest.raises(Exception, match="first"):
        graph.costs(torch.zeros(1, 2, 5, 7))
    assert graph.costs(X).flops == 3 * OPERATIONS


def test_operations_agree_with_published_counts():
    """ResNet-50's 4.09 GFLOPs at 224 x 224, less its classifier's 2048 x 1000."""
    settings = {"depth": 50, "out_features": ["res5"], "stride_in_1x1": False}
    nodes = {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "net": {"uses": "resnet", "inputs": {"images": "preprocess"}, "with": settings},
    }
    inputs = {"batch": {"type": "ImageBatch"}}
    document = {"composer": 1, "name": "net", "inputs": inputs, "nodes": nodes}
    graph = Graph.from_spec(document | {"outputs": {"features": "net"}})
    costs = graph.costs([{"image": torch.zeros(3, 224, 224, dtype=torch.uint8)}])
    assert costs.flops / 1e9 == pytest.approx(4.09, abs=0.01)


def test_table_has_a_total(graph):
    *_, total = str(graph.costs(X)).splitlines()
    assert total.split()[:3] == ["total", "216", "216"]


def test_costs_are_json(graph):
    assert json.dumps([asdict(node) for node in graph.costs(X).nodes])


def attend(x: torch.Tensor) -> torch.Tensor:
    return nn.functional.scaled_dot_product_attention(x, x[..., :5, :], x[..., :5, :])


def test_attention_is_counted_by_its_products():
    nodes = {"attend": {"uses": "attend", "inputs": {"x": "x"}}}
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "attend"}}
    graph = Graph.from_spec(document, nodes={"attend": attend})
    batch, heads, queries, keys, channels = 2, 3, 7, 5, 4
    costs = graph.costs(torch.rand(batch, heads, queries, channels))
    assert costs.flops == batch * heads * queries * keys * 2 * channels
