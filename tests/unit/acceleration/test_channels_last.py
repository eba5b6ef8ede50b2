"""Nodes that are prepared for training with channels last."""

import pytest
import torch
from torch import nn

from composer import Graph
from composer.acceleration import prepare_channels_last
from composer.errors import ContractError
from composer.layers import Optimization

SPEC = {
    "composer": 1,
    "name": "two",
    "inputs": {"x": "any"},
    "nodes": {
        "first": {"uses": "doubling", "inputs": {"x": "x"}},
        "again": {"same_as": "first", "inputs": {"x": "first"}},
        "other": {"uses": "negation", "inputs": {"x": "again"}},
    },
    "outputs": {"inference": {"y": "other"}, "training": {"y": "other"}},
}


class Doubling(nn.Module):
    """A node with another way for maps with channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.is_prepared = False

    @classmethod
    def optimization(cls) -> Optimization:
        return Optimization(train_channels_last=cls.prepare)

    def prepare(self) -> None:
        self.is_prepared = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x if self.is_prepared else 2 * x


class Negation(nn.Module):
    """A node that says nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -x


class Wrong(Negation):
    @classmethod
    def optimization(cls) -> Optimization:
        return "channels last"


def build(**nodes):
    return Graph.from_spec(SPEC, nodes={"doubling": Doubling, "negation": Negation, **nodes})


def test_nodes_that_say_how_are_prepared():
    graph = build()
    assert not graph.module("first").is_prepared
    prepare_channels_last(graph.blueprint, graph.callables)
    assert graph.module("first").is_prepared
    assert graph.run(torch.ones(1), until="other").item() == -4


def test_a_wrong_optimisation_names_the_node():
    graph = build(negation=Wrong)
    with pytest.raises(ContractError, match=r"'other'.*not str"):
        prepare_channels_last(graph.blueprint, graph.callables)
