"""Values from outside: moved, measured, and described in a few words."""

from typing import NamedTuple

import pytest
import torch

from composer.structures import Boxes
from composer.values import describe, move, num_bytes

TENSOR = torch.zeros(2, 3)


class Pair(NamedTuple):
    left: torch.Tensor
    right: list[torch.Tensor]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (TENSOR, "2x3 float32"),
        (torch.tensor(1), "scalar int64"),
        (torch.zeros(0, 4, dtype=torch.bool), "0x4 bool"),
        ({"res2": TENSOR, "res3": TENSOR, "res5": TENSOR}, "res2..res5"),
        ({"p2": TENSOR}, "p2: 2x3 float32"),
        (
            {"loss": torch.tensor(1.0), "other": torch.tensor(2.0)},
            "loss: scalar float32, other: scalar float32",
        ),
        ({}, "empty"),
        ([], "0 items"),
        ([TENSOR], "2x3 float32"),
        ([TENSOR, TENSOR], "2 of 2x3 float32"),
        ([TENSOR, None], "2x3 float32 | nothing"),
        ([TENSOR, TENSOR[:1], TENSOR[:1, :1]], "3 of 2x3..1x1 float32"),
        (Pair(TENSOR, [TENSOR]), "left: 2x3 float32, right: 2x3 float32"),
        (3, "3"),
        ("word", "'word'"),
        (object, "type"),
    ],
)
def test_values_are_described(value, words):
    assert describe(value) == words


def test_long_values_are_cut_short():
    assert describe(list(range(10))) == "0 | 1 | 2 | 3 | 4 | 5, ..."
    assert describe(dict.fromkeys("abcdefgh", 1)).endswith("f: 1, ...")


def test_every_tensor_of_a_value_is_moved_and_the_rest_is_kept():
    value = {"pair": Pair(TENSOR, [TENSOR]), "boxes": [Boxes(torch.zeros(1, 4))], "word": "x"}
    moved = move(value, "meta")
    assert isinstance(moved["pair"], Pair)
    assert {moved["pair"].left.device.type, moved["pair"].right[0].device.type} == {"meta"}
    assert moved["boxes"][0].tensor.device.type == "meta"
    assert moved["word"] == "x"
    assert value["pair"].left.device.type == "cpu"


def test_memory_that_two_tensors_share_counts_once():
    assert num_bytes([TENSOR, TENSOR.T, {"view": TENSOR[0]}]) == 24
    assert num_bytes([TENSOR, TENSOR.clone()]) == 48
    assert num_bytes("nothing") == 0


def test_tensors_without_memory_are_counted_one_by_one():
    assert num_bytes([torch.empty(4, device="meta"), torch.empty(2, device="meta")]) == 24
