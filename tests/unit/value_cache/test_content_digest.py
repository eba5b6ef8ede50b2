"""Hashes by content."""

import functools
import threading
from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from composer.structures import Boxes
from composer.value_cache import KeyMaker
from composer.value_cache.module_digests import ModuleDigests
from composer.value_cache.tensor_digests import TensorDigests, find_checksum
from composer.value_cache.unknown_content import UnknownContentError

find = KeyMaker().find_value


@dataclass
class Pair:
    a: int
    b: object


class Number(int):
    """A number with a class of its own."""


class Numbers(list):
    """Numbers with attributes."""


class Slotted:
    """Has its content in a slot."""

    __slots__ = ("a",)


class Open(Slotted):
    """Has attributes beside it."""


def with_attribute(value, content):
    value.a = content
    return value


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ("1", 1),
        ([1, 2], (1, 2)),
        ({"a": 1}, {"a": 2}),
        (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
        (torch.zeros(2, 3), torch.zeros(3, 2)),
        (torch.zeros(2), torch.tensor([0.0, -0.0])),
        (torch.rand(4, 3, 5, 5), torch.rand(4, 3, 5, 5)),
        (np.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (np.float32(1), np.float64(1)),
        (Boxes(torch.zeros(1, 4)), torch.zeros(1, 4)),
        (Pair(1, 2), Pair(1, 3)),
        ({1, 2}, {1, 3}),
        (["ab", "c"], ["a", "bc"]),
        (Number(1), Number(2)),
        (with_attribute(Numbers([1]), 1), with_attribute(Numbers([1]), 2)),
        (with_attribute(Open(), 1), with_attribute(Open(), 2)),
        (with_attribute(Pair(1, 2), 1), with_attribute(Pair(1, 2), 2)),
        (np.zeros(1, [("a", "f4"), ("b", "f4")]), np.zeros(1, [("b", "f4"), ("a", "f4")])),
        ([1, 2].index, [2, 1].index),
        (lambda x: x.permute((0, 2, 1)), lambda x: x.permute((2, 0, 1))),
        (defaultdict(int), defaultdict(list)),
    ],
)
def test_different_values_have_different_hashes(first, second):
    assert find(first) is not None
    assert find(first) != find(second)


def test_the_layout_in_memory_is_part_of_a_tensor():
    x = torch.rand(2, 3, 4, 5)
    assert find(x) == find(x.clone())
    assert find(x) != find(x.to(memory_format=torch.channels_last))


def test_sharing_does_not_matter():
    x = [1, 2]
    assert find([x, x]) == find([[1, 2], [1, 2]])


@pytest.mark.parametrize(
    "value",
    [
        deque([1]),
        type("Queue", (deque,), {})([1]),
        torch.Generator(),
        threading.Lock(),
        object(),
        iter([1]),
        torch.rand(1, device="meta"),
    ],
)
def test_what_has_no_content_has_no_hash(value):
    assert find([value]) is None


def test_a_value_that_contains_itself_has_no_hash():
    value = []
    value.append(value)
    assert find(value) is None


def test_functions_count_by_their_code():
    def make(number):
        return lambda x: x + number

    assert find(make(1)) == find(make(1))
    assert find(make(1)) != find(make(2))
    assert find(functools.partial(make, 1)) != find(functools.partial(make, 2))


@pytest.mark.parametrize("size", [10, 5000, 100_000])
@pytest.mark.parametrize("change", ["data", "numpy", "swap", "replace", "counted"])
def test_a_remembered_hash_follows_any_change_of_the_weights(size, change):
    digests, weight = TensorDigests(), nn.Parameter(torch.rand(size))
    first = digests.find(weight)
    assert digests.find(weight) == first
    if change == "data":
        weight.data[size // 2] += 1
    elif change == "numpy":
        weight.detach().numpy()[-1] = 7
    elif change == "swap":
        weight.data[[0, size - 1]] = weight.data[[size - 1, 0]]
    elif change == "replace":
        weight.data = torch.rand(size)
    else:
        with torch.no_grad():
            weight.mul_(2)
    assert digests.find(weight) != first


def test_checksums_do_not_depend_on_the_place_in_memory():
    data = bytes(range(256)) * 64
    room = bytearray(b"x" + data)
    assert find_checksum(memoryview(data)) == find_checksum(memoryview(room)[1:])


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.scale, self.names = nn.Linear(3, 3), 1.0, ["a"]

    def forward(self, x):
        return self.linear(x) * self.scale


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m, "scale", 2.0),
        lambda m: m.names.append("b"),
        lambda m: m.train(not m.training),
        lambda m: m.linear.weight.data.mul_(2),
        lambda m: setattr(m, "linear", nn.Linear(3, 3)),
        lambda m: setattr(m, "forward", lambda x: x),
        lambda m: m.register_buffer("more", torch.zeros(1)),
        lambda m: setattr(m.linear, "bias", None),
    ],
)
def test_a_remembered_hash_follows_any_change_of_a_module(change):
    digests, module = ModuleDigests(), Layer()
    first = digests.find(module)
    assert digests.find(module) == first
    change(module)
    assert digests.find(module) != first


def test_a_module_with_hooks_has_no_hash():
    digests, module = ModuleDigests(), Layer()
    digests.find(module)
    module.linear.register_forward_hook(lambda *_: None)
    with pytest.raises(UnknownContentError, match="hook"):
        digests.find(module)


def test_hooks_of_saving_and_loading_do_not_count():
    digests, module = ModuleDigests(), Layer()
    first = digests.find(module)
    module.linear.register_load_state_dict_pre_hook(lambda *_: None)  # it refers to its module
    module.register_state_dict_post_hook(lambda *_: None)
    assert digests.find(module) == first


def test_hooks_that_a_library_puts_on_its_own_modules_count_by_their_code():
    def make_hook(factor):
        def hook(_module, _inputs, output):
            return output * factor

        hook.__module__ = "library.hooks"
        return hook

    class Inner(Layer):
        __module__ = "library.layers"

    digests, module = ModuleDigests(), Layer()
    module.linear = Inner()
    found = [digests.find(module)]
    for factor in (1.0, 2.0):
        hook = module.linear.register_forward_hook(make_hook(factor))
        found.append(digests.find(module))
        hook.remove()
    assert len({*found}) == 3
    assert digests.find(module) == found[0]
    for inner in (module, module.linear.linear):  # of the node's own package, and of torch
        hook = inner.register_forward_hook(make_hook(1.0))
        with pytest.raises(UnknownContentError, match="hook"):
            digests.find(module)
        hook.remove()
    module.linear.register_forward_hook(torch.nn.functional.relu)  # of another package
    with pytest.raises(UnknownContentError, match="hook"):
        digests.find(module)
