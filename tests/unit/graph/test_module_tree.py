"""A node whose namespace holds those of others: what is registered in the tree is what it calls."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from composer import Graph, NameResolutionError, SpecError
from sample_nodes import NODES, Scale


class Pyramid(nn.Module):
    """A layer and a norm of its own, and a weight; it looks at its own mode."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2)
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.lateral(x)) * self.gain + (1.0 if self.training else 0.0)


class Doubled(nn.Module):
    """Puts something around a layer, as LoRA does."""

    def __init__(self, base_layer: nn.Module) -> None:
        super().__init__()
        self.base_layer = base_layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base_layer(x) * 2


TYPES = {**NODES, "pyramid": Pyramid}
NESTED = {
    "backbone": {
        "inputs": {"x": "x"},
        "nodes": {
            "source": {"uses": "source", "inputs": {"x": "x"}},
            "bottom_up": {"uses": "linear", "inputs": {"x": "source"}},
            "fpn": {"uses": "pyramid", "namespace": ".", "inputs": {"x": "bottom_up"}},
        },
        "outputs": {"y": "fpn"},
    },
    "head": {"uses": "scale", "inputs": {"x": "backbone"}},
    "losses": {"uses": "losses", "inputs": {"x": "head"}},
}
FLAT = {  # the same at the top: the graph itself stands for the pyramid
    **NESTED["backbone"]["nodes"],
    "head": {"uses": "scale", "inputs": {"x": "fpn"}},
    "losses": {"uses": "losses", "inputs": {"x": "head"}},
}
OUTPUTS = {"training": {"losses": "losses"}, "inference": {"y": "head"}}
X = torch.linspace(-1, 1, 8).reshape(4, 2)


def build(nodes=NESTED):
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": OUTPUTS}
    return Graph.from_spec(document, nodes=TYPES)


def holder(graph):
    """The module in the tree under which the pyramid's parts are."""
    return graph._modules.get("backbone", graph)


@pytest.fixture(params=[NESTED, FLAT], ids=["nested", "flat"])
def graph(request):
    return build(request.param)


def test_the_module_of_a_node_is_found_by_its_path():
    graph = build()
    assert isinstance(graph.module("fpn"), Pyramid)
    assert graph.module("backbone.fpn") is graph.get_submodule("backbone")
    assert graph.module("bottom_up") is graph.get_submodule("backbone.bottom_up")
    with pytest.raises(NameResolutionError, match="'backbone' is a nested graph"):
        graph.module("backbone")
    with pytest.raises(NameResolutionError, match="'losses' is no module: losses is a function"):
        graph.module("losses")


def test_names_of_modules_parameters_and_keys_agree(graph):
    names = [name for name, _ in graph.named_parameters()]
    assert sorted(names) == sorted(set(names))
    assert set(names) <= set(graph.state_dict())
    modules = [name for name, _ in graph.named_modules(remove_duplicate=False)]
    assert sorted(modules) == sorted(set(modules))
    prefix = "backbone." if "backbone" in graph._modules else ""
    assert {f"{prefix}lateral.weight", f"{prefix}gain", f"{prefix}bottom_up.linear.bias"} < {*names}


def test_the_mode_reaches_the_node(graph):
    graph.train()
    assert graph.module("fpn").training
    graph.module("fpn").norm.eval()
    in_training = graph.run(X, until="fpn")
    graph.eval()
    assert not graph.module("fpn").training
    assert not any(module.training for module in graph.modules())
    assert torch.allclose(graph.run(X, until="fpn") + 1, in_training)


def test_hooks_on_the_node_and_on_its_parts_are_called(graph):
    called = []
    for module in (graph.module("fpn"), graph.module("fpn").lateral, graph.module("bottom_up")):
        module.register_forward_hook(lambda module, _x, _y: called.append(type(module).__name__))
    graph(X)
    assert called == ["Linear", "Linear", "Pyramid"]


def test_a_part_that_is_replaced_in_the_tree_is_called(graph):
    before = graph.run(X, until="fpn:lateral")
    holder(graph).lateral = Doubled(graph.module("fpn").lateral)
    assert torch.equal(graph.run(X, until="fpn:lateral"), before * 2)
    assert {*dict(graph.named_parameters())} <= {*graph.state_dict()}
    assert any(key.endswith("lateral.base_layer.weight") for key in graph.state_dict())


def test_a_node_that_holds_others_may_be_wrapped_itself():
    graph = build()
    before = graph.run(X, until="backbone")
    graph._modules["backbone"] = Doubled(graph.module("fpn"))
    assert torch.equal(graph.run(X, until="backbone"), before * 2)
    assert torch.equal(graph.subgraph(until="backbone")(X), before * 2)
    assert torch.equal(graph.subgraph(until="backbone", feeds=["source"])(X), before * 2)


def test_a_wrapper_around_a_group_of_nodes_is_reported():
    nodes = {"group": {**NESTED["backbone"], "nodes": dict(NESTED["backbone"]["nodes"])}}
    nodes["group"]["nodes"]["fpn"] = {"uses": "pyramid", "inputs": {"x": "bottom_up"}}
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "group"}}
    graph = Graph.from_spec(document, nodes=TYPES)
    graph.group = Doubled(graph.group)
    with pytest.raises(NameResolutionError, match=r"node 'group\.source' is gone from the tree"):
        graph(X)


def test_parametrised_and_pruned_weights_keep_their_place(graph):
    part, prefix = holder(graph), "backbone." if "backbone" in graph._modules else ""
    parametrizations.weight_norm(part.lateral)
    prune.l1_unstructured(part.bottom_up.linear, "weight", amount=0.5)
    keys = {*graph.state_dict()}
    assert {*dict(graph.named_parameters())} <= keys
    assert f"{prefix}lateral.parametrizations.weight.original0" in keys
    assert f"{prefix}bottom_up.linear.weight_mask" in keys
    saved, expected = copy.deepcopy(graph.state_dict()), graph(X)["y"]
    with torch.no_grad():
        for weight in graph.parameters():
            weight.fill_(1.0)
    assert not torch.equal(graph(X)["y"], expected)
    graph.load_state_dict(saved)
    assert torch.equal(graph(X)["y"], expected)


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_a_copy_calls_what_is_in_its_own_tree(copy_of, graph):
    again = copy_of(graph)
    expected = graph(X)["y"]
    assert torch.equal(again(X)["y"], expected)
    with torch.no_grad():
        holder(again).lateral.weight.zero_()
        holder(again).gain.zero_()
    assert again.run(X, until="fpn").eq(0).all()
    holder(again).lateral = nn.Identity()
    assert again.module("fpn").lateral is holder(again).lateral
    assert torch.equal(graph(X)["y"], expected)


def test_types_change_everywhere(graph):
    assert graph.double()(X.double())["y"].dtype == torch.float64
    assert {weight.dtype for weight in graph.module("fpn").parameters()} == {torch.float64}


def test_norms_are_converted_for_several_processes(graph):
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(graph)
    assert isinstance(converted.module("fpn").norm, nn.SyncBatchNorm)
    assert converted.module("fpn").norm is holder(converted).norm


def test_processes_train_a_copy_with_the_same_gradients(graph, tmp_path):
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(copy.deepcopy(graph).train())
        for module in (graph.train(), wrapped):
            module(X)["loss"].backward()
        for plain, parallel in zip(graph.parameters(), wrapped.parameters(), strict=True):
            assert plain.grad is not None
            assert torch.equal(plain.grad, parallel.grad)
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_it_is_compiled_without_a_break(graph):
    torch._dynamo.reset()
    compiled = torch.compile(graph, backend="eager", fullgraph=True)
    assert torch.equal(compiled(X)["y"], graph(X)["y"])
    holder(graph).lateral = Doubled(graph.module("fpn").lateral)
    assert torch.equal(compiled(X)["y"], graph(X)["y"])
    torch._dynamo.reset()


def test_a_part_has_only_what_it_calls(graph):
    part = graph.subgraph(until="fpn", feeds=["bottom_up"])
    assert not any("bottom_up" in name for name, _ in part.named_parameters())
    assert {id(weight) for weight in part.parameters()} < {
        id(weight) for weight in graph.parameters()
    }
    rows = graph.run(X, until="bottom_up")
    assert torch.equal(part(rows), graph.run(X, until="fpn"))
    part.train()
    assert part.module("fpn").training
    assert graph.run(X, until="bottom_up").equal(rows)  # the whole has lost nothing
    with torch.no_grad():
        holder(part).gain.fill_(7.0)
    assert graph.module("fpn").gain == 7


def test_weights_of_a_node_are_saved_loaded_and_tapped_without_those_it_holds(graph, tmp_path):
    graph.save(tmp_path / "fpn.safetensors", nodes="fpn")
    with torch.no_grad():
        for weight in graph.parameters():
            weight.fill_(3.0)
    report = graph.load(str(tmp_path / "fpn.safetensors"), node="fpn")
    assert report.nodes.keys() == {graph.resolve_node("fpn")}
    assert graph.module("fpn").gain == 1
    assert graph.module("bottom_up").linear.weight.eq(3).all()
    with pytest.raises(NameResolutionError, match="has no module 'bottom_up' inside"):
        graph.run(X, until="fpn:bottom_up")


def test_a_node_that_runs_all_that_it_holds_cannot_hold_nodes():
    nodes = {
        "g": {
            "inputs": {"x": "x"},
            "nodes": {
                "a": {"uses": "scale", "inputs": {"x": "x"}},
                "b": {"uses": "stack", "namespace": ".", "inputs": {"x": "a"}},
            },
            "outputs": {"y": "b"},
        },
    }

    class Stack(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(Scale())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x)

    with pytest.raises(SpecError, match=r"node 'g\.a' cannot be kept inside node 'g\.b'"):
        Graph.from_spec(
            {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes={**TYPES, "stack": Stack}
        )


def test_modules_without_weights_are_found_under_their_paths():
    nodes = {
        name: {
            "inputs": {"x": "x"},
            "namespace": "shared",
            "nodes": {"source": {"uses": "source", "inputs": {"x": "x"}}},
            "outputs": {"y": "source"},
        }
        for name in ("one", "two")
    }
    graph = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=TYPES)
    assert graph.module("two.source") is graph.get_submodule("two.source")
