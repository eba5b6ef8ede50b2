"""Files of torch hold more than tensors: what else is in them is passed over, by name."""

import argparse
import collections
import dataclasses
import datetime
import enum
import functools
import operator
import pathlib
import random
import types
import warnings

import numpy as np
import pytest
import torch

from composer.checkpoint import read_checkpoint, read_torch_value
from composer.checkpoint.placeholders import Placeholder
from composer.errors import CheckpointError
from unit.checkpoint.hostile_pickles import called, named, text
from unit.checkpoint.torch_archives import write_archive

ROOT = "unit.checkpoint.test_placeholders"


class Colour(enum.Enum):
    red = "r"


class Flags(enum.Flag):
    A = 1
    B = 2


class Outer:
    class Inner:
        def __init__(self):
            self.value = 3


class AttributeDict(dict):
    pass


class Items(list):
    pass


class Named(str):
    __slots__ = ("other",)


class WithNew:
    def __new__(cls, *, size):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"size": 3}


@dataclasses.dataclass
class Config:
    rate: float
    path: pathlib.Path


class Average:
    def __init__(self):
        self.shadow = {"w": torch.zeros(2)}


Point = collections.namedtuple("Point", "x y")

OBJECTS = {
    "a namespace": (argparse.Namespace(lr=0.1, device=torch.device("cpu")), "argparse.Namespace"),
    "a path": (pathlib.PurePosixPath("a/b"), "pathlib"),
    "a dict of a class": (AttributeDict(a=1, b={"c": [1]}), f"{ROOT}.AttributeDict"),
    "a list of a class": (Items([1, 2]), f"{ROOT}.Items"),
    "a text of a class": (Named("x"), f"{ROOT}.Named"),
    "a dataclass": (Config(0.1, pathlib.PurePosixPath("x")), f"{ROOT}.Config"),
    "a named tuple": (Point(1, 2), f"{ROOT}.Point"),
    "a member of an enum": (Colour.red, f"{ROOT}.Colour"),
    "flags": (Flags.A | Flags.B, f"{ROOT}.Flags"),
    "an instance of a class in a class": (Outer.Inner(), f"{ROOT}.Outer.Inner"),
    "averaged weights in an object": (Average(), f"{ROOT}.Average"),
    "a deque": (collections.deque([1, 2]), "collections.deque"),
    "a function": (functools.partial(torch.nn.init.normal_, std=0.1), "functools.partial"),
    "a class": (argparse.Namespace(kind=collections.deque), "argparse.Namespace"),
    "an instance made with names": (WithNew(size=3), ""),
    "a simple namespace": (types.SimpleNamespace(a=np.float32(3)), "types.SimpleNamespace"),
    "a version": (torch.torch_version.TorchVersion("2.1"), "torch.torch_version.TorchVersion"),
    "a module beside the weights": (torch.nn.CrossEntropyLoss(), "CrossEntropyLoss"),
    "an optimizer": (torch.optim.SGD([torch.ones(1, requires_grad=True)], 0.1), "SGD"),
    "text of numpy": (np.str_("x"), "numpy"),
    "a random state": (np.random.RandomState(3), "numpy.random"),
    "a masked array": (np.ma.array([1.0, 2.0]), "numpy.ma"),
    "a layout": (torch.strided, "torch.serialization._get_layout"),
    "a time": (datetime.datetime(2026, 1, 1), "datetime.datetime"),
    "a list of objects": ([{"deep": (argparse.Namespace(),)}], "argparse.Namespace"),
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("what", OBJECTS)
def test_an_object_beside_the_weights_is_passed_over_by_name(what, protocol, tmp_path):
    value, name = OBJECTS[what]
    document = {"model": {"w": torch.ones(2)}, "args": value, "epoch": 3}
    torch.save(document, tmp_path / "x.pth", pickle_protocol=protocol)
    found = read_checkpoint(tmp_path / "x.pth")
    assert found.tensors["w"].tolist() == [1, 1]
    assert list(found.tensors) == ["w"]
    assert found.training_state["epoch"] == 3
    (line,) = found.choices
    assert line.startswith("args")
    assert name in line
    assert line.endswith(", not read")


def test_the_line_is_short(tmp_path):
    torch.save({"model": {"w": torch.ones(2)}, "args": argparse.Namespace()}, tmp_path / "x.pth")
    assert read_checkpoint(tmp_path / "x.pth").choices == ("args: argparse.Namespace, not read",)


def test_an_old_file_has_placeholders_too(tmp_path):
    document = {"model": {"w": torch.ones(2)}, "args": argparse.Namespace(a=1)}
    torch.save(document, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    found = read_checkpoint(tmp_path / "x.pth")
    assert found.tensors["w"].tolist() == [1, 1]
    assert found.choices == ("args: argparse.Namespace, not read",)


PLAIN = {
    "a default dict": collections.defaultdict(list, {"a": [1]}),
    "a counter": collections.Counter({30: 1}),
    "an ordered dict": collections.OrderedDict(a=1),
    "numbers of numpy": {"best": np.float64(3.5), "step": np.int64(2), "all": np.ones(2)},
    "torch's own": [torch.device("cpu"), torch.float16, torch.Size([1, 2]), torch.ones(1).dtype],
    "a complex number": 1 + 2j,
    "a set": {1, 2},
    "a scheme": torch.per_tensor_affine,
    "an ellipsis": (..., int, np.float32),
    "random states": (random.getstate(), np.random.get_state(), torch.get_rng_state()),
    "text in numpy's arrays": np.array(["person", "dog"]),
    "objects in numpy's arrays": np.array([None, {}], dtype=object),
    "times": np.array(["2020-01-01"], dtype="M8[s]"),
    "members of enums as keys": {Colour.red: 1, torch.float32: 2},
    "the state of an optimizer": torch.optim.Adam([torch.ones(1)]).state_dict(),
    "tuples as keys": {(1, "a"): 3, ((1, 2), "b"): 4},
    "tuples as keys of other dicts": [
        collections.OrderedDict({(1, 2): 1}),
        collections.defaultdict(int, {(1, 2): 1}),
        collections.Counter([(1, 2), (3, 4)]),
    ],
    "tuples in sets": [{(1, 2)}, {frozenset([3]): {(4,)}}],
    "bytes that change": [bytearray(b"a\xff"), bytearray(), {"state": bytearray(range(256))}],
    "functions of Python": [len, print, max, abs, zip, map, sorted, isinstance, sum],
    "functions with arguments": functools.partial(print, "x"),
    "functions of operators": [operator.itemgetter(1), operator.add],
    "functions of torch": [torch.relu, torch.sigmoid, torch.cat, torch.nn.functional.gelu],
    "functions of numpy": [np.maximum, np.add],
    "types": [bytes, bytearray, memoryview, set, property, torch.dtype, torch.FloatTensor],
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("what", PLAIN)
def test_the_weights_beside_a_plain_value_are_read(what, protocol, tmp_path):
    document = {"model": {"w": torch.ones(2)}, "other": PLAIN[what]}
    torch.save(document, tmp_path / "x.pth", pickle_protocol=protocol)
    assert list(read_checkpoint(tmp_path / "x.pth").tensors) == ["w"]


@pytest.mark.parametrize("name", ["channels_last", "contiguous_format", "preserve_format"])
def test_the_weights_beside_a_memory_format_are_read(name, tmp_path):
    # The module that pickle names depends on what has been imported, and in which order.
    for module, prefix in (("torch", ""), ("torch._utils", "torch."), ("train_net", "torch.")):
        content = weights_and(named(module, prefix + name))
        path = write_archive(tmp_path / "x.pth", content)
        with pytest.raises(CheckpointError, match=r"no tensors|no weights"):
            read_checkpoint(path)  # it has none, but it is read
    torch.save(
        {"model": {"w": torch.ones(2)}, "to": getattr(torch, name)},
        tmp_path / "x.pth",
        pickle_protocol=4,
    )
    assert list(read_checkpoint(tmp_path / "x.pth").tensors) == ["w"]


def test_a_module_in_an_old_file_is_passed_over(tmp_path):
    document = {"state_dict": {"w": torch.ones(2)}, "loss": torch.nn.Linear(2, 2)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(document, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    found = read_checkpoint(tmp_path / "x.pth")
    assert list(found.tensors) == ["w"]
    assert found.choices == ("loss: torch.nn.modules.linear.Linear, not read",)


def test_weights_in_a_default_dict_are_weights(tmp_path):
    weights = collections.defaultdict(torch.Tensor, {"a.w": torch.ones(2)})
    torch.save({"state_dict": weights}, tmp_path / "x.pth")
    assert list(read_checkpoint(tmp_path / "x.pth").tensors) == ["a.w"]


def test_many_objects_are_one_line(tmp_path):
    document = {"model": {"w": torch.ones(2)}} | {f"a{i}": argparse.Namespace() for i in range(9)}
    torch.save(document, tmp_path / "x.pth")
    (line,) = read_checkpoint(tmp_path / "x.pth").choices
    assert line.endswith("a3: argparse.Namespace and 5 more, not read")


@pytest.mark.parametrize(
    "document",
    [
        torch.nn.Linear(2, 2),
        {"model": torch.nn.Linear(2, 2), "optimizer": {"state": {0: torch.ones(1)}}},
        {"model": torch.nn.Linear(2, 2), "statistics": {"mean": torch.ones(3)}},
        {"model": torch.nn.Linear(2, 2), "mean": torch.ones(3)},
        {"generator": torch.nn.Linear(2, 2)},
    ],
)
def test_weights_in_a_module_are_not_read_and_the_way_out_is_named(document, tmp_path):
    torch.save(document, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"a whole module.*linear\.Linear.*state_dict"):
        read_checkpoint(tmp_path / "x.pth")


def test_a_module_beside_weights_is_passed_over(tmp_path):
    torch.save({"model": torch.nn.Linear(2, 2), "ema": {"w": torch.ones(2)}}, tmp_path / "x.pth")
    found = read_checkpoint(tmp_path / "x.pth")
    assert list(found.tensors) == ["w"]
    assert found.choices == ("model: torch.nn.modules.linear.Linear, not read",)


def test_weights_in_another_object_are_not_read_and_the_way_out_is_named(tmp_path):
    torch.save({"ema": Average()}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"no tensors outside of objects.*ema: .*state_dict"):
        read_checkpoint(tmp_path / "x.pth")


def test_values_for_a_run_have_no_placeholders(tmp_path):
    torch.save({"x": torch.ones(1), "args": argparse.Namespace()}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"refused the global 'argparse\.Namespace'"):
        read_torch_value(tmp_path / "x.pt")


def weights_and(extra: bytes) -> bytes:
    return b"\x80\x02}(" + text("args") + extra + text("rest") + b"Nu."


HOSTILE = {
    "a call of what a placeholder gives": called("project", "Thing", "x") + text("a") + b"\x85R",
    "a hostile attribute": named("builtins", "getattr")
    + (b"(" + named("project", "Thing") + text("__reduce__") + b"tR(" + text("touch x") + b"tR"),
    "a state that acts": called("project", "Thing") + b"}" + text("__setstate__") + b"Nsb",
    "items of a placeholder": called("project", "Thing") + text("__class__") + b"Ns",
    "itself as its state": called("project", "Thing") + b"q\x01h\x01b",
    "itself as its item": called("project", "Thing") + b"q\x01h\x01a",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_placeholder_stays_inert(what, tmp_path):
    path = write_archive(tmp_path / "x.pth", weights_and(HOSTILE[what]))
    with pytest.raises(CheckpointError, match=r"outside of objects.*args: project\.Thing"):
        read_checkpoint(path)


REFUSED = {
    "an attribute of a known name": named("builtins", "getattr")
    + (b"(" + named("collections", "OrderedDict") + text("__init__") + b"tR"),
    "an attribute of a tensor's class": named("builtins", "getattr")
    + (b"(" + named("torch", "Tensor") + text("__init__") + b"tR"),
    "a storage of an unknown class": b"("
    + (text("storage") + named("project", "FloatStorage") + text("0") + text("cpu") + b"K\0tQ"),
    "a long name": named("project", "T" * 300) + b")R",
    "a name that is no name": b"cproject\nT\x1b[31m\n)R",
    "a module that is none": b"cos;system\nT\n)R",
    "a function by a long way": named("project", "Thing.run.__globals__") + b")R",
    "a placeholder as a size": named("torch", "Size") + b"(" + called("a", "B") + b"tR",
    "a placeholder as a shape of numpy": named("numpy", "load") + b")R",
    "the state of an unknown class itself": named("project", "Thing") + b"}b",
    "a huge bytearray": named("builtins", "bytearray") + b"(J\xff\xff\xff\x7ftR",
    "a bytearray of a list": named("builtins", "bytearray") + b"(]tR",
    "a list as a key": b"}]Ns",
    "a bytearray as a key": b"}" + named("builtins", "bytearray") + b")RNs",
    "a module that is no class": b"(" + (text("module") + b"NNNtQ"),
    **{
        name: named("builtins", name)
        for name in (
            "eval",
            "exec",
            "compile",
            "open",
            "input",
            "globals",
            "vars",
            "setattr",
            "breakpoint",
            "__import__",
            "help",
            "exit",
        )
    },
    "a method by its name": named("operator", "methodcaller") + b"(" + text("x") + b"tR",
    "a way around a memory format": named("os", "system.channels_last"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_hostile_use_of_names_is_refused(what, tmp_path):
    path = write_archive(tmp_path / "x.pth", weights_and(REFUSED[what]))
    with pytest.raises(CheckpointError, match=r"refused|hostile"):
        read_checkpoint(path)


def test_a_placeholder_is_its_name():
    assert str(Placeholder("a.B")) == "a.B, not read"
