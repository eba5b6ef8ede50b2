"""An input that takes one value or a list of them is wired either way."""

import pytest
import torch
from torch import Tensor

from composer import Graph, SpecError


def mean(values: Tensor | list[Tensor]) -> Tensor:
    return torch.stack(values).mean(dim=0) if isinstance(values, list) else values


def build(wire):
    nodes = {"mean": {"uses": "mean", "inputs": {"values": wire}}}
    inputs = {"x": "any", "y": "any"}
    document = {"composer": 1, "name": "m", "inputs": inputs, "nodes": nodes}
    return Graph.from_spec({**document, "outputs": {"z": "mean"}}, nodes={"mean": mean})


@pytest.mark.parametrize(("wire", "expected"), [("x", 1.0), (["x"], 1.0), (["x", "y"], 2.0)])
def test_one_value_or_a_list_of_them(wire, expected):
    inputs = {"x": torch.tensor(1.0), "y": torch.tensor(3.0)}
    assert build(wire)(inputs)["z"].item() == expected


def test_members_of_the_list_are_checked():
    with pytest.raises(SpecError, match="expects Tensor, but 'n' returns str"):
        Graph.from_spec(
            {
                "composer": 1,
                "inputs": {"x": "any"},
                "nodes": {
                    "n": {"uses": "name", "inputs": {"x": "x"}},
                    "m": {"uses": "mean", "inputs": {"values": ["x", "n"]}},
                },
            },
            nodes={"mean": mean, "name": name},
        )


def name(x: Tensor) -> str:
    return f"{x.ndim} dimensions"
