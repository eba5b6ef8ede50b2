"""Kept values and what changes in a running process without a trace in the spec."""

import sys

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from composer.graph import KeptTraining
from composer.value_cache import ValueCache, describe_environment
from published_nodes import MODULE, build, published_nodes

SOURCE = '''
import beside

LIMIT = 2.0


def bound(x):
    return x + LIMIT


def helped(x: Tensor) -> Tensor:
    return bound(x)


def developed(x: Tensor) -> Tensor:
    return beside.double(x)


def look_up(x: Any) -> Tensor:
    return torch.tensor(x["value"])


class Shifting(nn.Module):
    bias = 2.0

    def own(self, x: Tensor) -> Tensor:
        return x + self.bias

    def forward(self, x: Tensor) -> Tensor:
        return self.own(x)


class Counting(nn.Module):
    """Counts its calls in an attribute, a buffer or a weight."""

    def __init__(self, *, how: str = "attribute") -> None:
        super().__init__()
        self.how, self.count, self.counts = how, 0, [0]
        self.register_buffer("total", torch.zeros(3))
        self.weight = nn.Parameter(torch.zeros(3), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "attribute":
            self.count += 1
        elif self.how == "list":
            self.counts[0] += 1
        elif self.how == "buffer":
            self.total.data.add_(1)
        else:
            self.weight.add_(1)
        return x + self.count + self.counts[0] + self.total + self.weight
'''
NAMES = ["helped", "look_up", "developed", "Shifting", "Counting"]
X = torch.arange(6.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def nodes(tmp_path):
    added = {name.lower(): name for name in NAMES}
    with published_nodes(tmp_path / "installed", source=SOURCE, added=added) as module:
        (module.parent / "beside.py").write_text("def double(x):\n    return 2 * x\n")
        yield module
    sys.modules.pop("beside", None)


@pytest.fixture
def cache(tmp_path):
    return ValueCache(tmp_path / "values")


def make_graph(uses, **config):
    nodes = {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "n": {"uses": uses, "inputs": {"x": "a"}, "with": config},
        "z": {"uses": "shift", "inputs": {"x": "n"}},
    }
    return build(
        {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "z"}}
    ).eval()


def replace_function(module, patch):
    patch.setattr(module, "bound", lambda x: x * 0)


def replace_constant(module, patch):
    patch.setattr(module, "LIMIT", 7.0)


def replace_method(module, patch):
    patch.setattr(module.Shifting, "own", lambda _, x: x * 0)


def add_method(module, patch):
    patch.setattr(module.Shifting, "__call__", lambda _, x: x * 0, raising=False)


def replace_attribute(module, patch):
    patch.setattr(module.Shifting, "bias", 7.0)


@pytest.mark.parametrize(
    ("uses", "change"),
    [
        ("helped", replace_function),
        ("helped", replace_constant),
        ("shifting", replace_method),
        ("shifting", add_method),
        ("shifting", replace_attribute),
    ],
)
def test_code_that_was_replaced_in_this_process_counts(cache, monkeypatch, uses, change):
    make_graph(uses).run(X, until="n", cache=cache)
    assert cache.use.num_written == 2
    change(sys.modules[MODULE], monkeypatch)
    expected = make_graph(uses).run(X, until="n")
    assert not torch.equal(expected, X + 3)
    assert torch.equal(make_graph(uses).run(X, until="n", cache=cache), expected)
    monkeypatch.undo()
    assert torch.equal(make_graph(uses).run(X, until="n", cache=cache), X + 3)


def test_code_that_a_plugin_imports_from_a_folder_of_ones_own_is_not_kept(cache):
    graph = make_graph("developed")
    graph.run(X, until="n", cache=cache)
    assert cache.use.num_written == 1  # a
    assert graph.unkept["n"] == "it has code of 'beside', which no installed distribution has"


@pytest.mark.parametrize("how", ["attribute", "list", "buffer", "weight"])
def test_a_module_that_changes_itself_is_not_kept(cache, how):
    plain = make_graph("counting", how=how)
    expected = [plain.run(X, until="n") for _ in range(3)]
    for _ in range(2):
        graph = make_graph("counting", how=how)
        found = [graph.run(X, until="n", cache=cache) for _ in range(3)]
        assert all(map(torch.equal, found, expected))


class Zeroing(TorchFunctionMode):
    """Lets additions give zeros."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        return found * 0 if getattr(function, "__name__", "") in ("add", "__add__") else found


def test_under_hooks_of_all_modules_and_modes_of_torch_nothing_is_kept(cache):
    graph = make_graph("shifting")
    zero = nn.modules.module.register_module_forward_hook(lambda *given: given[-1] * 0)
    try:
        graph.run(X, until="n", cache=cache)
    finally:
        zero.remove()
    assert graph.unkept["n"] == "hooks of all modules are there"
    with Zeroing():
        graph.run(X, until="n", cache=cache)
    assert cache.use.num_written == 0
    assert torch.equal(graph.run(X, until="n", cache=cache), X + 3)


def by_numpy(tensor):
    tensor.numpy()[:] = 50


def by_data(tensor):
    tensor.data.fill_(50)


@pytest.mark.parametrize("change", [by_numpy, by_data])
@pytest.mark.parametrize("what", ["input", "value", "feed"])
def test_values_of_a_session_may_change_past_the_version_counter(cache, change, what):
    graph, x = make_graph("shifting"), X.clone()
    session = graph.session(x, cache=cache)
    if what == "feed":
        session["a"] = torch.ones(2, 3)
    value = x if what == "input" else session["a"]
    if what == "feed":
        _ = session["n"]
    change(value)
    _ = session["z"]
    assert torch.equal(graph.run(X, cache=cache)["y"], X + 4)
    other = graph.session(X, cache=cache)
    other["a"] = torch.ones(2, 3)
    assert torch.equal(other["z"], torch.full((2, 3), 4.0))


def test_what_an_input_has_beside_tensors_may_change_during_a_session(cache):
    nodes = {name: {"uses": "look_up", "inputs": {"x": "x"}} for name in ("a", "b")}
    graph = build({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "b"}})
    given = {"value": 3.0}
    session = graph.session(given, cache=cache)
    assert session["a"] == 3
    given["value"] = 4.0
    assert session["b"] == 4
    assert graph.run({"value": 3.0}, until="b", cache=cache) == 3


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        (
            lambda: torch.backends.cuda.enable_flash_sdp(False),
            lambda: torch.backends.cuda.enable_flash_sdp(True),
        ),
        (
            lambda: torch.backends.mha.set_fastpath_enabled(False),
            lambda: torch.backends.mha.set_fastpath_enabled(True),
        ),
        (
            lambda: torch.backends.nnpack.set_flags(False),
            lambda: torch.backends.nnpack.set_flags(True),
        ),
    ],
)
def test_switches_of_torch_count(change, undo):
    before = describe_environment()
    change()
    try:
        assert describe_environment() != before
    finally:
        undo()
    assert describe_environment() == before


def test_variables_that_libraries_read_count(monkeypatch):
    before = describe_environment()
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    assert describe_environment() != before


def test_frozen_weights_that_change_past_the_version_counter_count_in_training(tmp_path):
    document = {
        "composer": 1,
        "inputs": {"x": "any"},
        "freeze": ["first"],
        "nodes": {
            "first": {"uses": "scale", "inputs": {"x": "x"}},
            "head": {"uses": "scale", "inputs": {"x": "first"}},
        },
        "outputs": {"training": {"y": "head"}},
    }
    graph = build(document).train()
    training = KeptTraining(graph, ValueCache(tmp_path / "values"))
    assert torch.equal(training.run(X, 0)["y"], X * 4)
    graph.module("first").weight.data.fill_(5.0)
    assert torch.equal(training.run(X, 0)["y"], X * 10)
