"""Frozen nodes of training: which they are, and runs that compute them once."""

import random
import sys

import numpy as np
import pytest
import torch
from torch import nn

from composer.events import EventStorage
from composer.graph import KeptTraining, describe_frozen
from composer.value_cache import ValueCache
from published_nodes import build, published_nodes

SOURCE = '''

class Changing(nn.Module):
    """Does what `how` says beside shifting."""

    def __init__(self, *, how: str = "") -> None:
        super().__init__()
        self.how = how
        self.register_buffer("count", torch.zeros(3))
        self.dropout = nn.Dropout(0.5 if how == "dropout" else 0.0)
        self.norm = nn.BatchNorm1d(3, affine=False) if how == "norm" else nn.Identity()

    @property
    def draws(self) -> bool:
        return self.how == "generator"

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        if self.how == "torch":
            torch.rand(1)
        if self.how == "python":
            import random
            random.random()
        if self.how == "numpy":
            import numpy
            numpy.random.rand(1)
        if self.how == "buffer":
            self.count += 1
        if self.how == "scalar":
            from composer.events import record_scalar
            record_scalar("seen", 1.0)
        if self.how == "generator":
            return x + torch.rand(1, generator=generator)
        return self.norm(self.dropout(x + 1))


def sum_up(x: Tensor) -> Losses:
    return {"loss": x.square().mean()}
'''
X = torch.arange(6.0).reshape(2, 3) - 2.5


@pytest.fixture(autouse=True)
def nodes(tmp_path):
    added = {"changing": "Changing", "sum": "sum_up"}
    with published_nodes(tmp_path / "installed", source=SOURCE, added=added) as module:
        yield module


@pytest.fixture
def watching_python(monkeypatch):
    """Python's generator is watched, which it is not beside beartype: that draws from it, too."""
    monkeypatch.delitem(sys.modules, "beartype", raising=False)


def make_graph(how="", freeze=()):
    document = {
        "composer": 1,
        "inputs": {"x": "any"},
        "freeze": list(freeze),
        "nodes": {
            "first": {"uses": "scale", "inputs": {"x": "x"}},
            "second": {"uses": "changing", "inputs": {"x": "first"}, "with": {"how": how}},
            "third": {"uses": "shift", "inputs": {"x": "second"}},
            "head": {"uses": "scale", "inputs": {"x": "third"}},
            "loss": {"uses": "sum", "inputs": {"x": "head"}},
        },
        "outputs": {"training": {"losses": "loss"}},
    }
    return build(document).train()


def losses_of(run, graph, count=4):
    """Losses of some steps, each with its own seeds, and what was drawn from the generators."""
    found = []
    optimizer = torch.optim.SGD(graph.module("head").parameters(), 0.01)
    with EventStorage() as storage:
        for step in range(count):
            torch.manual_seed(step)
            random.seed(step)
            np.random.seed(step)
            optimizer.zero_grad()
            loss = run(X, step)["loss"]
            loss.backward()
            optimizer.step()
            drawn = torch.rand(1).item(), random.random(), np.random.rand()
            found.append((loss.item(), drawn, len(storage.histories())))
            storage.step()
    return found


EFFECTS = ["torch", "python", "numpy", "buffer", "scalar"]


@pytest.mark.parametrize("how", ["", "dropout", "norm", "generator", *EFFECTS])
@pytest.mark.usefixtures("watching_python")
def test_runs_are_those_without_a_cache_whatever_a_node_does(how, tmp_path):
    plain = make_graph(how, ["first"])
    kept = make_graph(how, ["first"])
    expected = losses_of(lambda x, seed: plain.run(x, mode="training", seed=seed), plain)
    training = KeptTraining(kept, ValueCache(tmp_path / "values"))
    assert losses_of(training.run, kept) == expected
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, kept.state_dict()[name]), name
    assert training.cache.use.num_read > 0


@pytest.mark.parametrize(
    ("how", "paths", "reason"),
    [
        ("", ("first", "second", "third"), "head is trained"),
        ("dropout", ("first",), "second has dropout"),
        ("norm", ("first",), "second updates statistics of its batch normalisation"),
        ("generator", ("first",), "second draws"),
    ],
)
def test_frozen_nodes_end_where_something_changes(how, paths, reason, tmp_path):
    training = KeptTraining(make_graph(how, ["first"]), tmp_path / "values")
    found = training.find_frozen()
    assert found.paths == paths
    assert describe_frozen(found).endswith(f"from there on: {reason}")


@pytest.mark.parametrize("how", EFFECTS)
@pytest.mark.usefixtures("watching_python")
def test_hidden_effects_are_found_when_a_node_runs(how, tmp_path, caplog):
    training = KeptTraining(make_graph(how, ["first"]), tmp_path / "values")
    with EventStorage():
        assert training.find_frozen().paths == ("first", "second", "third")
        training.run(X, 0)
        assert training.find_frozen().paths == ("first",)
        training.run(X, 1)
    assert caplog.text.count("note: no values are kept from second on: draws from a global") == 1


def test_only_what_is_not_frozen_runs_for_a_batch_that_comes_again(tmp_path, ran):
    training = KeptTraining(make_graph(freeze=["first"]), tmp_path / "values")
    training.run(X, 0)
    training.run(X + 1, 1)
    ran.clear()
    training.run(X, 2)
    assert ran == ["head", "loss"]
    other = KeptTraining(make_graph(freeze=["first"]), tmp_path / "values")
    ran.clear()
    other.run(X + 1, 2)
    assert ran == ["head", "loss"]


def test_values_are_not_found_again_once_frozen_weights_or_modes_change(tmp_path, ran):
    graph = make_graph(freeze=["first"])
    training = KeptTraining(graph, tmp_path / "values")
    training.run(X, 0)
    with torch.no_grad():
        graph.module("first").weight.mul_(2)
    ran.clear()
    changed = training.run(X, 0)
    assert ran == ["first", "second", "third", "head", "loss"]
    assert torch.equal(changed["loss"], graph.run(X, mode="training", seed=0)["loss"])
    graph.module("first").weight.requires_grad_(True)
    ran.clear()
    training.run(X, 0)["loss"].backward()
    assert ran[0] == "first"
    assert graph.module("first").weight.grad is not None


def test_hooks_see_every_node(tmp_path, ran):
    graph = make_graph(freeze=["first"])
    training = KeptTraining(graph, tmp_path / "values")
    training.run(X, 0)
    seen = []
    with graph.add_hook(lambda path, values: seen.append(path), "after"):
        training.run(X, 0)
    assert seen == ["first", "second", "third", "head", "loss"]


def test_nothing_is_kept_where_the_first_node_is_trained(tmp_path, ran):
    training = KeptTraining(make_graph(), tmp_path / "values")
    for seed in range(2):
        training.run(X, seed)
    assert ran.count("first") == 2
    assert "no frozen node comes before" in describe_frozen(training.find_frozen())
    assert not (tmp_path / "values").exists()


def test_damaged_values_are_computed_again(tmp_path):
    graph = make_graph(freeze=["first"])
    training = KeptTraining(graph, tmp_path / "values")
    first = training.run(X, 0)["loss"]
    for file in (tmp_path / "values").rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-8])
    assert torch.equal(training.run(X, 0)["loss"], first)
    assert isinstance(graph.module("head"), nn.Module)
