from typing import NamedTuple

import torch

from composer.structures import (
    BitMasks,
    Boxes,
    ImageBatch,
    ImageList,
    Instances,
    Keypoints,
    PolygonMasks,
    ROIMasks,
    TensorStructure,
    iterate_tensors,
    map_tensors,
)

STRUCTURES = [
    BitMasks(torch.ones(1, 2, 2)),
    Boxes(torch.ones(1, 4)),
    ImageBatch([{"image": torch.ones(1, 2, 2)}]),
    ImageList(torch.ones(1, 1, 2, 2), [(2, 2)]),
    Instances((2, 2), scores=torch.ones(1)),
    Keypoints(torch.ones(1, 1, 3)),
    PolygonMasks([]),
    ROIMasks(torch.ones(1, 2, 2)),
]


class Pair(NamedTuple):
    left: torch.Tensor
    right: list[torch.Tensor]


def test_every_structure_shows_and_replaces_its_tensors():
    for structure in STRUCTURES:
        assert isinstance(structure, TensorStructure)
        before = list(structure.tensors())
        changed = structure.map_tensors(torch.zeros_like)
        assert type(changed) is type(structure)
        assert [int(tensor.sum()) for tensor in changed.tensors()] == [0] * len(before)
        assert all(bool(tensor.any()) for tensor in before)


def test_every_structure_moves():
    for structure in STRUCTURES:
        moved = structure.to("meta")
        assert type(moved) is type(structure)
        assert all(tensor.is_meta for tensor in moved.tensors())


def test_tensors_are_found_in_containers_and_structures():
    one = torch.ones(1)
    value = {"a": [one, (one, Boxes(torch.ones(1, 4)))], "b": "text", "c": None, "d": Pair(one, [])}
    assert [tensor.numel() for tensor in iterate_tensors(value)] == [1, 1, 4, 1]


def test_mapping_keeps_the_types_of_containers():
    value = {"a": [torch.ones(1)], "b": (torch.ones(1), 3), "c": Pair(torch.ones(1), [])}
    mapped = map_tensors(torch.neg, value)
    assert mapped == {
        "a": [torch.tensor([-1.0])],
        "b": (torch.tensor([-1.0]), 3),
        "c": Pair(torch.tensor([-1.0]), []),
    }
    assert isinstance(mapped["c"], Pair)
