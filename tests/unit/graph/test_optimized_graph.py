"""Graphs that are optimised for inference: the same names, weights and values."""

import copy

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from composer import Graph
from composer.errors import ContractError, InputError, NameResolutionError
from composer.layers import NormConv2d, Optimization, fold_norms

SPEC = {
    "composer": 1,
    "name": "tiny",
    "inputs": {"x": "any"},
    "nodes": {
        "trunk": {"uses": "trunk", "inputs": {"x": "x"}},
        "head": {"uses": "head", "inputs": {"x": "trunk"}},
        "sink": {"uses": "sink", "inputs": {"x": "head"}},
    },
    "outputs": {"inference": {"y": "sink"}, "training": {"y": "sink"}},
}


class Trunk(nn.Module):
    """A node of an outside plugin with a normalised convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = NormConv2d(3, 8, 3, padding=1, norm="FrozenBN", activation=torch.relu)
        self.conv.norm.running_mean.normal_()
        self.conv.norm.running_var.uniform_(0.5, 2)

    @classmethod
    def optimization(cls) -> Optimization:
        return Optimization(fold=fold_norms, channels_last=True, lower_precision=True, dense=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class Head(nn.Module):
    """A node that gives float32 in any case."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 4, 1)

    @classmethod
    def optimization(cls) -> Optimization:
        return Optimization(lower_precision=True, float32_outputs=("output",))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == self.conv.weight.dtype
        return self.conv(x)


class Sink(nn.Module):
    """A node that has no such method, and gets float32."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == torch.float32
        return x * self.scale


NODES = {"trunk": Trunk, "head": Head, "sink": Sink}


def build(**nodes):
    return Graph.from_spec(SPEC, nodes={**NODES, **nodes}, seed=1)


@pytest.fixture(autouse=True)
def emulation(monkeypatch):
    """Lets processors without bfloat16 emulate it."""
    monkeypatch.setenv("COMPOSER_EMULATE_BFLOAT16", "1")


@pytest.fixture
def graph():
    return build()


@pytest.fixture
def x():
    return torch.randn(2, 3, 9, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["trunk", "head", "sink"])
def test_values_are_those_of_the_graph(graph, x, name):
    expected = graph.run(x, until=name)
    torch.testing.assert_close(graph.optimize().run(x, until=name), expected, rtol=1e-5, atol=1e-6)


def test_maps_have_their_channels_last(graph, x):
    found = graph.optimize().run(x, until="trunk")
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_lower_precision_ends_where_a_port_or_a_node_wants_float32(graph, x):
    optimized = graph.optimize("bfloat16")
    found = optimized.run(x, until=["trunk", "head", "sink"])
    assert found["trunk"].dtype == torch.bfloat16
    assert found["head"].dtype == torch.float32
    torch.testing.assert_close(found["sink"], graph.run(x, until="sink"), rtol=0.05, atol=0.05)


def test_a_node_that_says_nothing_gets_float32(graph, x):
    optimized = graph.optimize("bfloat16", nodes="trunk")
    assert optimized.run(x, until="trunk").dtype == torch.bfloat16
    assert optimized.run(x, until="head").dtype == torch.float32


def test_only_named_nodes_change(graph, x):
    optimized = graph.optimize(nodes=["head"])
    assert torch.equal(optimized.run(x, until="trunk"), graph.run(x, until="trunk"))
    assert "1 node" not in optimized.optimization


def test_original_stays_as_it_is(graph, x):
    before, keys = graph.run(x, until="sink"), list(graph.state_dict())
    graph.optimize("bfloat16").run(x, until="sink")
    assert torch.equal(graph.run(x, until="sink"), before)
    assert list(graph.state_dict()) == keys
    assert all(parameter.dtype == torch.float32 for parameter in graph.parameters())


def test_state_dict_and_file_are_the_originals(graph, x, tmp_path):
    optimized = graph.optimize("bfloat16")
    optimized.run(x, until="sink")
    for key, value in graph.state_dict().items():
        assert optimized.state_dict()[key].data_ptr() == value.data_ptr()
    graph.save(tmp_path / "a.safetensors")
    optimized.save(tmp_path / "b.safetensors")
    first, second = (load_file(tmp_path / f"{name}.safetensors") for name in "ab")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    "action",
    [
        lambda graph: graph.train(),
        lambda graph: graph.load("x.pth"),
        lambda graph: graph.load_state_dict(graph.state_dict()),
        lambda graph: graph.to(torch.float64),
        lambda graph: graph.half(),
        lambda graph: graph.requires_grad_(),
        lambda graph: graph.run(torch.zeros(1, 3, 4, 4), until="head", mode="training"),
    ],
)
def test_training_loading_and_moving_are_refused(graph, action):
    with pytest.raises(InputError, match="optimised graph"):
        action(graph.optimize())


def test_it_is_not_run_while_the_original_is_trained(graph, x):
    optimized = graph.optimize()
    graph.train()
    with pytest.raises(InputError, match="put that into inference mode"):
        optimized.run(x, until="head")
    optimized.eval()
    assert not graph.training
    optimized.run(x, until="head")


@pytest.mark.parametrize(
    "change", ["in place", "replaced", "loaded", "module", "data", "past the counter"]
)
def test_it_follows_the_weights_of_the_original(graph, x, change):
    optimized = graph.optimize()
    optimized.run(x, until="sink")
    conv = graph.module("trunk").conv
    if change == "in place":
        with torch.no_grad():
            conv.weight.mul_(2)
    elif change == "replaced":
        conv.weight = nn.Parameter(conv.weight.detach() * 2)
    elif change == "past the counter":
        conv.weight.data.mul_(2)
    elif change == "data":
        conv.weight.data = conv.weight.detach() * 2
    elif change == "loaded":
        graph.load_state_dict({k: v * 2 for k, v in graph.state_dict().items()})
    else:
        graph.module("trunk").conv = nn.Conv2d(3, 8, 3, padding=1)
    torch.testing.assert_close(
        optimized.run(x, until="sink"), graph.run(x, until="sink"), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_tap_gives_the_value_of_the_unfolded_module(graph, x, precision):
    optimized = graph.optimize(precision)
    found = optimized.run(x, until=["trunk:conv.norm", "trunk"])
    assert torch.equal(found["trunk:conv.norm"], graph.run(x, until="trunk:conv.norm"))
    assert found["trunk"].dtype == torch.float32
    plan = str(optimized.plan("trunk:conv.norm"))
    assert "by its own module, for it is tapped: trunk" in plan


def test_a_tapped_node_in_the_middle_gets_float32(graph, x):
    optimized = graph.optimize("bfloat16")
    found = optimized.run(x, until="head:conv")
    assert found.dtype == torch.float32


def test_gradients_take_the_original_modules(graph, x):
    optimized = graph.optimize("bfloat16")
    x.requires_grad_()
    optimized.run(x, until="sink").sum().backward()
    (expected,) = torch.autograd.grad(graph.run(x, until="sink").sum(), x)
    assert torch.equal(x.grad, expected)
    assert graph.module("head").conv.weight.grad is not None
    assert "gradients" in str(optimized.plan("sink"))


def test_below_an_edit_that_needs_gradients_nodes_call_the_original_modules(graph, x):
    fed = torch.ones(2, 8, 9, 7, requires_grad=True)
    found = graph.optimize("bfloat16").run(x, until="sink", edits={"trunk": lambda value: fed})
    assert torch.equal(found, graph.run(x, until="sink", feeds={"trunk": fed}))
    assert torch.autograd.grad(found.sum(), fed)[0].abs().sum() > 0


def test_an_edit_gets_what_the_optimised_node_gave(graph, x):
    optimized = graph.optimize("bfloat16")
    with torch.no_grad():
        plain = optimized.run(x, until="trunk")
        found = optimized.run(x, until="trunk", edits={"trunk": lambda value: value * 2})
        assert torch.equal(found, plain * 2)
        with graph.editing({"trunk": torch.zeros_like}):
            assert torch.equal(optimized.run(x, until="trunk"), plain * 0)


def test_feeds_and_sessions_work_as_before(graph, x):
    optimized = graph.optimize("bfloat16")
    fed = torch.ones(2, 8, 9, 7)
    found = optimized.run(until="sink", feeds={"trunk": fed})
    torch.testing.assert_close(
        found, graph.run(until="sink", feeds={"trunk": fed}), rtol=0.05, atol=0.05
    )
    session = optimized.session(x)
    whole = session["sink"]
    assert torch.equal(whole, optimized.run(x, until="sink"))
    session["trunk"] = fed
    assert torch.equal(session["sink"], found)
    del session["trunk"]
    assert torch.equal(session["sink"], whole)
    assert "optimised: " in str(optimized.session(x).plan("sink"))


def test_hooks_see_the_values_between_nodes(graph, x):
    optimized, seen = graph.optimize("bfloat16"), {}
    with optimized.add_hook(lambda path, values: seen.update({path: values}), "after"):
        found = optimized.run(x, until="trunk")
    assert torch.equal(seen["trunk"]["output"], found)


def test_hooks_of_torch_inside_a_node_are_called(graph, x):
    optimized, seen = graph.optimize(), []
    handle = graph.module("trunk").conv.register_forward_hook(lambda *_: seen.append(1))
    assert torch.equal(optimized.run(x, until="trunk"), graph.run(x, until="trunk"))
    assert len(seen) == 2
    handle.remove()
    optimized.run(x, until="trunk")
    assert len(seen) == 2


def test_subgraph_is_optimised_as_the_whole(graph, x):
    optimized = graph.optimize("bfloat16")
    part = optimized.subgraph(until="head", feeds=["trunk"])
    fed = optimized.run(x, until="trunk")
    assert torch.equal(part(fed), optimized.run(x, until="head"))
    with pytest.raises(InputError, match="optimised graph"):
        part.train()


def test_it_can_be_optimised_otherwise(graph, x):
    found = graph.optimize("bfloat16").optimize("float32")
    assert found.source is graph
    assert found.run(x, until="trunk").dtype == torch.float32


def test_copies_and_pickles_are_optimised(graph, x):
    optimized = graph.optimize()
    expected = optimized.run(x, until="sink")
    assert torch.equal(copy.deepcopy(optimized).run(x, until="sink"), expected)


def test_unknown_precisions_and_nodes_are_refused(graph):
    with pytest.raises(InputError, match="float32 or bfloat16, not 'float16'"):
        graph.optimize("float16")
    with pytest.raises(NameResolutionError, match="trunc"):
        graph.optimize(nodes="trunc")


def test_optimization_says_what_was_applied(graph):
    assert graph.optimization == ""
    assert graph.optimize("bfloat16").optimization == (
        "normalisations and activations folded in 1 node, channels last in 1 node, "
        "bfloat16 in 2 of 3 nodes"
    )
    assert build(trunk=Sink, head=Sink).optimize().optimization.startswith("nothing")


class NotedHead(Head):
    """A head that folds something else than layers."""

    @classmethod
    def optimization(cls) -> Optimization:
        return Optimization(fold=lambda module: module, any_precision=True, note="rows sorted")


def test_optimization_says_what_node_types_note():
    assert build(head=NotedHead).optimize().optimization == (
        "normalisations and activations folded in 1 node, channels last in 1 node, "
        "rows sorted in 1 node"
    )


class Stubborn(Trunk):
    """A node that cannot be copied."""

    def __deepcopy__(self, _memo):
        raise TypeError("no copies")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_node_that_cannot_be_copied_is_called_itself(x, precision):
    graph = build(trunk=Stubborn)
    optimized = graph.optimize(precision)
    assert torch.equal(optimized.run(x, until="trunk"), graph.run(x, until="trunk"))
    assert "TypeError: no copies" in str(optimized.plan("trunk"))
    assert "trunk, which cannot be copied" in optimized.optimization


class WrongPort(Trunk):
    @classmethod
    def optimization(cls) -> Optimization:
        return Optimization(float32_outputs=("logits",))


class WrongKind(Trunk):
    @classmethod
    def optimization(cls):
        return {"fold": None}


class Failing(Trunk):
    @classmethod
    def optimization(cls):
        raise ValueError("later")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (WrongPort, "output port 'logits'; there is output"),
        (WrongKind, "an Optimization of composer.layers, not dict"),
        (Failing, "failed: ValueError: later"),
    ],
)
def test_impossible_contracts_name_the_node(kind, message):
    with pytest.raises(ContractError, match=message) as caught:
        build(trunk=kind).optimize()
    assert "trunk" in str(caught.value)


class Unrelated(Trunk):
    """A node with a layer that happens to be called so."""

    optimization = None


def test_other_things_of_the_name_say_nothing(x):
    graph = build(trunk=Unrelated)
    assert torch.equal(graph.optimize().run(x, until="trunk"), graph.run(x, until="trunk"))
