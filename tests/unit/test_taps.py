"""Taps: tensors inside a node's module, by `path:module`."""

import pytest
import torch
from torch import Tensor, nn

from composer import ExecutionError, Graph, NameResolutionError
from sample_nodes import NODES


class Deep(nn.Module):
    """Two layers, an operation in place, a layer that is called twice, and one that never is."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True))
        self.twice = nn.Linear(3, 3)
        self.never = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.twice(self.twice(self.first(x)))


@pytest.fixture
def graph():
    node = {"uses": "deep", "inputs": {"x": "x"}}
    nodes = {
        "g": {"inputs": {"x": "x"}, "nodes": {"d": node}},
        "again": {"same_as": "g.d", "inputs": {"x": "g.d"}},
        "f": {"uses": "shift", "inputs": {"x": "again"}},
    }
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "f"}}
    return Graph.from_spec(document, nodes={**NODES, "deep": Deep})


X = torch.arange(6.0).reshape(2, 3) - 3


def test_a_tap_gives_what_a_module_gave(graph):
    deep = graph.get_submodule("g.d")
    assert torch.equal(graph.run(X, until="d:first"), deep.first(X))


def test_an_operation_in_place_after_the_tap_does_not_change_it(graph):
    deep = graph.get_submodule("g.d")
    expected = nn.functional.linear(X, deep.first[0].weight, deep.first[0].bias)
    found = graph.run(X, until=["g.d:first.0", "g.d"])
    assert torch.equal(found["g.d:first.0"], expected)
    assert (expected < 0).any()
    assert torch.equal(found["g.d"], graph.run(X, until="g.d"))


def test_gradients_flow_through_what_was_tapped(graph):
    tapped, result = graph.run(X, until=["d:first", "d"]).values()
    (gradient,) = torch.autograd.grad(result.sum(), tapped)
    assert gradient.abs().sum() > 0


def test_a_module_that_is_called_twice_gives_both_values(graph):
    first, second = graph.run(X, until="d:twice")
    assert torch.equal(second, graph.run(X, until="g.d"))
    assert not torch.equal(first, second)


def test_each_call_of_a_shared_module_is_tapped_by_its_own_path(graph):
    found = graph.run(X, until=["d:first", "again:first"])
    assert not torch.equal(found["d:first"], found["again:first"])
    assert graph.plan("d:first").paths == ("g.d",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("d:frist", "node 'g.d' has no module 'frist' inside. Did you mean 'first'?"),
        ("f:inner", "node 'f' has no modules inside to tap"),
    ],
)
@pytest.mark.parametrize("ask", ["run", "session"])
def test_a_tap_that_is_not_there_is_refused_before_anything_runs(graph, name, message, ask):
    ran = []
    graph.add_hook(lambda path, _: ran.append(path), "before")
    with pytest.raises(NameResolutionError) as caught:
        graph.run(X, until=name) if ask == "run" else graph.session(X)[name]
    assert message in str(caught.value)
    assert ran == []


def test_a_module_that_was_not_called_is_reported(graph):
    with pytest.raises(ExecutionError, match=r"'g\.d:never' was not called in this run"):
        graph.run(X, until="d:never")


def test_no_hook_is_left_behind(graph):
    graph.run(X, until="d:first")
    with pytest.raises(ExecutionError):
        graph.run(torch.zeros(5), until="d:first.1")
    assert all(not module._forward_hooks for module in graph.modules())
