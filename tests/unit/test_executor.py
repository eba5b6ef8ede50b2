"""The executor: errors with the node's path, observers, generators, devices."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from composer import ExecutionError, Graph
from composer.executor import derive_seed, seeded_generator
from sample_nodes import NODES


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


class OneNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


def build(nodes, outputs=None, **more):
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": outputs or {}}
    return Graph.from_spec(document, nodes={**NODES, **more})


def failing(x: Tensor, *, kind: str = "ValueError") -> Tensor:
    raise {"ValueError": ValueError, "KeyError": KeyError}[kind]("no way")


@pytest.mark.parametrize("kind", ["ValueError", "KeyError"])
def test_an_error_names_the_node_its_type_and_what_it_was_given(kind):
    node = {"uses": "failing", "inputs": {"x": "x"}, "with": {"kind": kind}}
    group = {"inputs": {"x": "x"}, "nodes": {"bad": node}}
    graph = build({"g": group}, failing=failing)
    with pytest.raises(ExecutionError) as caught:
        graph.run(torch.zeros(2, 3), until="bad")
    assert caught.value.path == "g.bad"
    assert type(caught.value.__cause__).__name__ == kind
    text = str(caught.value)
    assert text.startswith(f"node 'g.bad' ('failing') failed: {kind}: ")
    assert text.endswith("It was given\n    x: 2x3 float32")


@pytest.mark.parametrize("result", [None, torch.zeros(2), (1,), (1, 2, 3)])
def test_a_node_that_gives_other_outputs_than_it_says_is_an_error_of_that_node(result):
    def liar(x: Tensor) -> Pair:
        return result

    graph = build({"a": {"uses": "liar", "inputs": {"x": "x"}}}, liar=liar)
    with pytest.raises(ExecutionError, match=r"node 'a' .* instead of left, right"):
        graph.run(torch.zeros(1), until="a")


def test_normalization_of_a_single_value_is_explained():
    graph = build({"norm": {"uses": "batch_norm", "inputs": {"x": "x"}}}, batch_norm=OneNorm)
    with pytest.raises(ExecutionError, match=r"node 'norm' .* Train on batches of two images or"):
        graph.train().run(torch.zeros(1, 2, 1, 1), until="norm")


def test_a_value_that_cannot_be_described_does_not_hide_the_error():
    class Rude:
        def summary(self):
            raise RuntimeError("I say nothing")

    graph = build({"a": {"uses": "fail", "inputs": {"x": "x"}}})
    with pytest.raises(ExecutionError, match="x: Rude") as caught:
        graph.run(Rude(), until="a")
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_interrupt_is_passed_on_as_it_is():
    def interrupt(x: Tensor) -> Tensor:
        raise KeyboardInterrupt

    graph = build({"a": {"uses": "interrupt", "inputs": {"x": "x"}}}, interrupt=interrupt)
    with pytest.raises(KeyboardInterrupt):
        graph.run(torch.zeros(1), until="a")


def test_a_seed_depends_on_the_run_and_the_path():
    seeds = {derive_seed(seed, path) for seed in range(3) for path in ("a", "b", "a.b")}
    assert len(seeds) == 9
    assert derive_seed(1, "a") == derive_seed(1, "a")
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_node_draws_the_same_whatever_else_runs():
    alone = build({"n": {"uses": "noise", "inputs": {"x": "x"}}})
    first = {"uses": "noise", "inputs": {"x": "x"}}
    among = build({"m": first, "o": first, "n": {"uses": "noise", "inputs": {"x": "x"}}})
    x = torch.zeros(4)
    expected = alone.run(x, until="n", seed=5)
    assert torch.equal(among.run(x, until=["m", "n", "o"], seed=5)["n"], expected)
    assert not torch.equal(among.run(x, until="m", seed=5), expected)
    assert not torch.equal(alone.run(x, until="n", seed=6), expected)


def test_without_a_seed_the_global_generator_decides():
    graph = build({"n": {"uses": "noise", "inputs": {"x": "x"}}})
    x = torch.zeros(4)
    torch.manual_seed(3)
    first, second = graph.run(x, until="n"), graph.run(x, until="n")
    torch.manual_seed(3)
    assert torch.equal(graph.run(x, until="n"), first)
    assert not torch.equal(first, second)


def test_a_run_that_draws_nothing_leaves_the_global_generator_alone():
    graph = build({"a": {"uses": "shift", "inputs": {"x": "x"}}})
    before = torch.get_rng_state()
    graph.run(torch.zeros(1), until="a")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_of_tensors_without_memory_is_one_of_the_cpu():
    assert seeded_generator(torch.device("meta"), 0, "a").device.type == "cpu"


def test_values_go_where_the_node_is():
    class Where(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, parts: list[Tensor]) -> Tensor:
            seen.append([part.device.type for part in parts])
            return self.weight + parts[0]

    seen: list[list[str]] = []
    nodes = {
        "a": {"uses": "scale", "inputs": {"x": "x"}},
        "w": {"uses": "where", "device": "meta", "inputs": {"parts": ["x", "a"]}},
        "again": {"same_as": "w", "inputs": {"parts": ["a"]}},
    }
    graph = build(nodes, where=Where)
    assert graph.run(torch.zeros(2), until="w").device.type == "meta"
    assert graph.run(torch.zeros(2), until="again").device.type == "meta"
    assert graph.run(torch.zeros(2), until="a").device.type == "cpu"
    assert seen == [["meta", "meta"], ["meta"]]


def test_a_node_that_was_moved_gets_its_values_where_it_is_now():
    graph = build({"a": {"uses": "scale", "device": "cpu", "inputs": {"x": "x"}}}).to("meta")
    assert graph.run(torch.zeros(2), until="a").device.type == "meta"


def test_a_sampler_runs_without_memory():
    graph = build(
        {"a": {"uses": "scale", "inputs": {"x": "x"}}, "n": {"uses": "noise", "inputs": {"x": "a"}}}
    )
    assert graph.to("meta").run(torch.zeros(2, device="meta"), until="n").shape == (2,)
