"""Profiles: memory and time in passes of their own, which are one run for everything else."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from composer import Graph

SEEN: list[str] = []
PASSES = ["watched", "timed"]


class Many(nn.Module):
    """Makes many small operations."""

    def forward(self, x: Tensor) -> Tensor:
        SEEN.append("watched" if _get_current_dispatch_mode_stack() else "timed")
        for _ in range(400):
            x = x + 1
        return x


class Norm(nn.Module):
    """Changes its buffers in training, and draws from both kinds of generators."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.drawn: list[Tensor] = []

    def forward(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        drawn = torch.rand(4, 3, generator=generator) + torch.rand(4, 3)
        self.drawn.append(drawn)
        return self.norm(x + drawn)


NODES = {"many": Many, "norm": Norm}


def build(kind):
    document = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {"n": {"uses": kind, "inputs": {"x": "x"}}},
        "outputs": {"y": "n"},
    }
    SEEN.clear()
    return Graph.from_spec(document, nodes=NODES)


def test_nothing_watches_memory_while_time_is_measured():
    graph = build("many").eval()
    profile = graph.profile(torch.zeros(2))
    assert SEEN == PASSES
    assert profile.nodes[0].peak_bytes > 0
    graph.profile(torch.zeros(2), memory=False)
    assert [*PASSES, "timed"] == SEEN


@pytest.mark.slow
def test_many_small_operations_take_the_time_that_they_take():
    graph, x = build("many").eval(), torch.zeros(2)

    def measure(memory):
        return min(graph.profile(x, memory=memory).nodes[0].seconds for _ in range(15))

    assert measure(True) < 3 * measure(False)  # watched, it would be thirty times


@pytest.mark.parametrize("seed", [None, 3])
def test_both_passes_draw_the_same_and_leave_the_state_of_one_run(seed):
    x = torch.arange(12.0).reshape(4, 3)
    profiled, run = build("norm").train(), build("norm").train()
    run.load_state_dict(profiled.state_dict())
    torch.manual_seed(5)
    found = profiled.profile(x, mode="training", until="n", seed=seed)
    after = torch.rand(1)
    torch.manual_seed(5)
    wanted = run.run(x, mode="training", until="n", seed=seed)
    assert torch.equal(after, torch.rand(1))
    assert torch.equal(found.result, wanted)
    first, second = profiled.module("n").drawn
    assert torch.equal(first, second)
    for name, value in run.state_dict().items():
        assert torch.equal(profiled.state_dict()[name], value), name


def test_hooks_see_one_pass():
    graph, seen = build("many").eval(), []
    with graph.add_hook(lambda path, _: seen.append(path), "after"):
        graph.profile(torch.zeros(2))
        assert seen == ["n"]
        graph.run(torch.zeros(2))
    assert seen == ["n", "n"]


def test_a_first_pass_that_fails_leaves_hooks_and_state():
    graph, seen = build("norm").train(), []
    buffers = {name: value.clone() for name, value in graph.named_buffers()}
    with graph.add_hook(lambda path, _: seen.append(path), "before"):
        with pytest.raises(Exception, match="node 'n'"):
            graph.profile(torch.zeros(7, 2), mode="training", until="n")
        with torch.no_grad():
            graph.run(torch.zeros(4, 3), mode="training", until="n")
    assert seen == ["n"]
    assert buffers.keys() == dict(graph.named_buffers()).keys()


def test_an_optimised_graph_is_profiled(tmp_path):
    graph = Graph.from_spec("faster_rcnn_efficientnet_lite0_fpn").eval().optimize()
    images = torch.zeros(3, 64, 64, dtype=torch.uint8)
    with torch.no_grad():
        profile = graph.profile([{"image": images}], until="backbone")
    assert all(node.peak_bytes is not None for node in profile.nodes)
