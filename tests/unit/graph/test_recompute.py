"""Nodes whose activations are computed again for the gradients."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from composer import Graph
from composer.errors import SpecError
from composer.events import EventStorage, record_scalar

X = torch.linspace(-1, 1, 24).view(8, 3)


class Noisy(nn.Module):
    """Draws, normalises with statistics that it updates, and counts its calls."""

    def __init__(self, *, width: int = 5) -> None:
        super().__init__()
        self.linear = nn.Linear(3, width)
        self.norm = nn.BatchNorm1d(width)
        self.last = nn.Linear(width, 3)
        self.register_buffer("scale", torch.ones(()))
        self.num_calls = 0

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        self.num_calls += 1
        if self.training:
            self.scale.mul_(1.5)
        noise = torch.rand(x.shape, generator=generator)
        record_scalar("mean", x.mean())
        return x + self.last(self.norm(self.linear(x * noise)).tanh()) * self.scale


class Dropping(nn.Module):
    """Draws from torch's global generator, as layers of other libraries do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(self.linear(x).tanh(), 0.5)


SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "outer": {
            "inputs": {"x": "x"},
            "nodes": {
                "first": {"uses": "noisy", "inputs": {"x": "x"}},
                "second": {"uses": "noisy", "inputs": {"x": "first"}},
            },
            "outputs": {"y": "second"},
        },
        "last": {"uses": "dropping", "inputs": {"x": "outer"}},
    },
    "outputs": {"y": "last"},
}
NODES = {"noisy": Noisy, "dropping": Dropping}


def build(**settings):
    return Graph.from_spec(SPEC, nodes=NODES, set=settings, seed=1).train()


def step(graph, **options):
    """A run and its gradients by name."""
    torch.manual_seed(5)
    graph.zero_grad(set_to_none=True)
    found = graph.run(X, seed=7, **options)
    values = [*found.values()] if isinstance(found, dict) else [found]
    torch.manual_seed(9)  # what happens in between does not matter
    sum(value.square().sum() for value in values).backward()
    named = graph.named_parameters()
    return found, {name: one.grad.clone() for name, one in named if one.grad is not None}


def recomputed(graph):
    return [path for path, node in graph.blueprint.nodes.items() if node.recompute]


@pytest.mark.parametrize(
    ("settings", "paths"),
    [
        ({}, []),
        ({"outer.first.recompute": True}, ["outer.first"]),
        ({"second.recompute": True}, ["outer.second"]),
        ({"outer": {"recompute": True}}, ["outer.first", "outer.second"]),
        ({"outer.recompute": True, "first.recompute": False}, ["outer.second"]),
        ({"*.recompute": True}, ["outer.first", "outer.second", "last"]),
    ],
)
def test_recomputed_nodes_have_the_same_values_gradients_and_statistics(settings, paths):
    plain, again = build(), build(**settings)
    assert recomputed(again) == paths
    (expected, gradients), (found, others) = step(plain), step(again)
    assert torch.equal(found["y"], expected["y"])
    assert gradients.keys() == others.keys()
    for name, gradient in gradients.items():
        assert torch.equal(others[name], gradient), name
    for (name, buffer), (_, other) in zip(
        plain.named_buffers(), again.named_buffers(), strict=True
    ):
        assert torch.equal(buffer, other), name
    calls = {path: again.module(path).num_calls for path in ("outer.first", "outer.second")}
    assert calls == {path: 1 + (path in paths) for path in calls}


def test_nothing_is_recomputed_without_gradients_or_in_inference():
    graph = build(**{"outer.recompute": True})
    with torch.no_grad():
        graph.run(X)
    graph.eval()
    graph.run(X, until="outer").sum().backward()
    assert graph.module("outer.first").num_calls == 2


def test_less_is_kept_for_the_gradients():
    kept = {}
    for value in (False, True):
        graph, sizes = build(**{"*.recompute": value}), []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor, lambda one: one
        ):
            graph.run(X)
        kept[value] = sum(sizes)
    assert kept[True] < kept[False] / 3


def test_statistics_are_recorded_once():
    with EventStorage() as storage:
        step(build(**{"*.recompute": True}))
    assert len(storage.history("mean").values()) == 2


def test_parts_taps_feeds_and_sessions_are_as_before():
    plain, again = build(), build(**{"*.recompute": True})
    until = ["outer.first", "outer.second:norm"]
    (expected, gradients), (found, others) = (step(one, until=until) for one in (plain, again))
    for name in until:
        assert torch.equal(found[name], expected[name])
    assert all(torch.equal(others[name], value) for name, value in gradients.items())
    fed = [
        one.run(X, feeds={"outer.first": X + 1}, seed=3, until="outer") for one in (plain, again)
    ]
    assert torch.equal(*fed)
    sessions = [one.session(X, seed=3) for one in (plain, again)]
    assert torch.equal(*[one["outer.second"] for one in sessions])
    assert torch.equal(sessions[0]["outer.first"], sessions[1]["outer.first"])


def test_gradients_can_be_taken_twice():
    graph = build(**{"*.recompute": True})
    torch.manual_seed(5)
    loss = graph.run(X, seed=7)["y"].square().sum()
    loss.backward(retain_graph=True)
    once = {name: one.grad.clone() for name, one in graph.named_parameters()}
    loss.backward()
    for name, parameter in graph.named_parameters():
        torch.testing.assert_close(parameter.grad, 2 * once[name])


def test_it_stands_in_the_document_that_is_saved(tmp_path):
    graph = build(**{"outer.recompute": True, "last.recompute": True})
    graph.save(tmp_path / "model.pth")
    again = Graph.open(tmp_path / "model.pth", nodes=NODES)
    assert recomputed(again) == ["outer.first", "outer.second", "last"]


def test_a_spec_may_say_it_at_the_node():
    nodes = {**SPEC["nodes"], "last": {**SPEC["nodes"]["last"], "recompute": True}}
    graph = Graph.from_spec({**SPEC, "nodes": nodes}, nodes=NODES)
    assert recomputed(graph) == ["last"]
    over = Graph.from_spec({**SPEC, "nodes": nodes}, nodes=NODES, set={"last.recompute": False})
    assert recomputed(over) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"outer.recompute": "yes"}, "'outer.recompute' is true or false, not 'yes'"),
        ({"outer.recompute": 1}, "'outer.recompute' is true or false, not 1"),
        ({"outr.recompute": True}, r"nothing to set at 'outr.recompute'\n.*outer.recompute"),
        ({"outer.first.recomputes": True}, "has no configuration 'recomputes'"),
    ],
)
def test_what_is_no_such_setting_is_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        build(**settings)


def test_a_configuration_key_of_that_name_comes_first():
    class Own(nn.Module):
        def __init__(self, *, recompute: int = 1) -> None:
            super().__init__()
            self.value = recompute

        def forward(self, x: Tensor) -> Tensor:
            return x * self.value

    nodes = {"own": {"uses": "own", "inputs": {"x": "x"}}}
    spec = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "own"}}
    graph = Graph.from_spec(spec, nodes={"own": Own}, set={"own.recompute": 3})
    assert torch.equal(graph(X)["y"], X * 3)


VIT = {
    "composer": 1,
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "vit": {
            "uses": "vit_backbone",
            "inputs": {"images": "preprocess.images"},
            "with": {"img_size": 32, "patch_size": 8, "embed_dim": 16, "num_heads": 2, "depth": 3},
        },
        "swin": {
            "uses": "swin_backbone",
            "inputs": {"images": "preprocess.images"},
            "with": {
                "embed_dim": 8,
                "depths": [2, 1],
                "num_heads": [1, 2],
                "window_size": 3,
                "out_features": ["p0", "p1"],
            },
        },
    },
    "outputs": {"a": "vit", "b": "swin"},
}


def test_vision_transformers_are_recomputed_block_by_block_with_the_same_paths_dropped():
    batch = [{"image": torch.rand(3, 32, 32) * 255} for _ in range(4)]
    found = {}
    for value in (False, True):
        settings = {"*.drop_path_rate": 0.5, "*.recompute": value}
        graph = Graph.from_spec(VIT, set=settings, seed=2).train()
        calls = []
        for block in (*graph.module("vit").blocks, *graph.module("swin").layers[0].blocks):
            block.register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        features = graph.run(batch, seed=4, until=["vit", "swin"])
        maps = [map_ for levels in features.values() for map_ in levels.values()]
        torch.autograd.backward([map_.square().sum() for map_ in maps])
        grads = {name: one.grad for name, one in graph.named_parameters() if one.grad is not None}
        found[value] = (maps, grads, len(calls))
    for plain, again in zip(found[False][0], found[True][0], strict=True):
        assert torch.equal(plain, again)
    assert found[False][1].keys() == found[True][1].keys()
    for name, gradient in found[False][1].items():
        assert torch.equal(found[True][1][name], gradient), name
    assert found[False][2] == 5
    assert found[True][2] > 5


@pytest.mark.slow(seconds=30)
def test_compiled_graphs_are_recomputed():
    """In a process of its own: torch.compile does not trace the checks of shapes in tests."""
    folder = Path(__file__).parents[2]
    command = [sys.executable, "-m", "unit.graph.compiled_recomputation"]
    subprocess.run(command, cwd=folder, check=True, timeout=600)
