"""Snapshots find what a call changed, wherever in a value it is."""

import datetime
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from composer.structures import Boxes, ImageBatch, ImageList, Instances
from composer.testing.snapshot import find_differences, take_snapshot


def differences(value, change, *, versions=False):
    before = take_snapshot(value)
    change(value)
    return list(find_differences(before, take_snapshot(value), "x", versions=versions))


class Pair(NamedTuple):
    left: torch.Tensor
    right: list[int]


@dataclass
class Record:
    count: int

    @cached_property
    def double(self):
        return 2 * self.count


class Slotted:
    __slots__ = ("count",)

    def __init__(self, count):
        self.count = count


def make_values():
    return {
        "tensor": torch.tensor([1.0, float("nan")]),
        "no rows": torch.zeros(0, 4),
        "containers": [{"a": (torch.ones(2), 1)}, {2, 3}, None, "text", b"bytes", float("nan")],
        "structures": [Boxes(torch.rand(2, 4)), ImageList(torch.rand(1, 3, 4, 4), [(4, 4)])],
        "instances": Instances((4, 4), scores=torch.rand(2)),
        "batch": ImageBatch([{"image": torch.rand(3, 4, 4), "file_name": Path("a.jpg")}]),
        "array": np.arange(3.0),
        "named tuple": Pair(torch.ones(1), [1]),
        "objects": [Record(1), Slotted(1), datetime.date(2026, 1, 1), torch.float32, str],
    }


@pytest.mark.parametrize("name", make_values())
def test_value_that_stays_has_no_differences(name):
    assert differences(make_values()[name], lambda _: None, versions=True) == []


def test_value_that_contains_itself_has_a_snapshot():
    ring = []
    ring.append(ring)
    assert differences(ring, lambda value: None) == []


def test_reading_a_path_and_a_cached_property_changes_nothing():
    value = [Path("a/b"), Record(2)]
    assert differences(value, lambda v: (str(v[0]), v[0].name, v[1].double)) == []


@pytest.mark.parametrize(
    ("make", "change", "difference"),
    [
        (lambda: torch.zeros(2), lambda x: x.add_(1), "'x' has other values"),
        (
            lambda: torch.zeros(2),
            lambda x: x.resize_(1),
            "'x' has another shape: 2 became 1",
        ),
        (
            lambda: torch.zeros(2),
            lambda x: x.requires_grad_(),
            "'x' has another requires_grad: False became True",
        ),
        (lambda: [1, 2], lambda x: x.append(3), "'x[2]' is new"),
        (lambda: {"a": 1}, lambda x: x.pop("a"), "'x['a']' is gone"),
        (
            lambda: {"a": 1, "b": 2},
            lambda x: x.update(a=x.pop("a")),
            "'x' has its parts in another order",
        ),
        (lambda: {"a": 1}, lambda x: x.update(a=2), "'x['a']' was 1 and is 2"),
        (
            lambda: {"a": 1},
            lambda x: x.update(a="1"),
            "'x['a']' was of type int and is of type str",
        ),
        (lambda: {1}, lambda x: x.add(2), "'x with 2' is new"),
        (
            lambda: np.zeros(2),
            lambda x: x.fill(1),
            "'x' was array([0., 0.]) and is array([1., 1.])",
        ),
        (lambda: Record(1), lambda x: setattr(x, "count", 2), "'x.count' was 1 and is 2"),
        (lambda: Slotted(1), lambda x: setattr(x, "count", 2), "'x.count' was 1 and is 2"),
        (
            lambda: [Boxes(torch.zeros(1, 4))],
            lambda x: x[0].tensor.add_(1),
            "'x[0].tensor' has other values",
        ),
        (
            lambda: ImageList(torch.zeros(1, 3, 4, 4), [(4, 4)]),
            lambda x: x.image_sizes.clear(),
            "'x.sizes[0]' is gone",
        ),
        (
            lambda: Instances((4, 4), scores=torch.zeros(1)),
            lambda x: x.set("areas", torch.ones(1)),
            "'x._fields['areas']' is new",
        ),
        (
            lambda: Pair(torch.zeros(1), [1]),
            lambda x: x.left.add_(1),
            "'x.left' has other values",
        ),
    ],
)
def test_change_is_reported_with_its_place(make, change, difference):
    assert differences(make(), change) == [difference]


def test_writing_equal_values_differs_only_where_writes_count():
    assert differences(torch.ones(2), lambda x: x.relu_()) == []
    (difference,) = differences(torch.ones(2), lambda x: x.relu_(), versions=True)
    assert difference == "'x' was written to in place, though with equal values this time"


def test_snapshot_of_a_tensor_of_inference_mode_can_be_taken():
    with torch.inference_mode():
        value = torch.ones(1)
    assert differences(value, lambda _: None, versions=True) == []
