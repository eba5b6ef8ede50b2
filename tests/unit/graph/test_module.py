"""A graph is an ordinary module: moved, copied, pickled, optimized, wrapped, compiled, exported."""

import copy
import pickle

import pytest
import torch
from torch import nn

from composer import Graph, SpecError
from composer.structures import ImageList
from sample_nodes import NODES, Scale

DOCUMENT = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "s": {"uses": "source", "inputs": {"x": "x"}},
        "g": {
            "inputs": {"x": "s"},
            "nodes": {
                "l": {"uses": "linear", "inputs": {"x": "x"}, "with": {"out": 3}},
                "m": {"uses": "linear", "inputs": {"x": "l"}},
            },
            "outputs": {"y": "m"},
        },
        "o": {"uses": "shift", "inputs": {"x": "g"}},
        "loss": {"uses": "losses", "when": "training", "inputs": {"x": "o"}},
    },
    "outputs": {"training": {"losses": "loss"}, "inference": {"y": "o"}},
}
NOISY = {
    **DOCUMENT,
    "nodes": {
        "n": {"uses": "noise", "inputs": {"x": "x"}},
        "o": {"uses": "shift", "inputs": {"x": "n"}},
    },
    "outputs": {"y": "o"},
}
X = torch.linspace(-1, 1, 6).reshape(3, 2)


def build(document=DOCUMENT):
    return Graph.from_spec(document, nodes=NODES)


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_a_copy_computes_the_same_and_is_independent(copy_of):
    graph = build()
    again = copy_of(graph)
    expected = graph(X)["y"]
    assert torch.equal(again(X)["y"], expected)
    with torch.no_grad():
        again.get_submodule("g.l").linear.weight.zero_()
    assert torch.equal(graph(X)["y"], expected)
    assert not torch.equal(again(X)["y"], expected)
    assert torch.equal(again.run(X, until="g.l"), again.get_submodule("g.l")(X))
    assert again.subgraph(until="o", feeds=["m"])(X).shape == (3, 2)


def test_a_module_that_is_replaced_in_the_tree_is_the_one_that_runs():
    graph = build()
    graph.get_submodule("g").m = Scale(start=3.0)
    assert torch.equal(graph.run(X, until="m"), graph.run(X, until="l") * 3)


def test_types_and_devices_change_as_in_any_module():
    graph = build().double()
    assert graph(X.double())["y"].dtype == torch.float64
    assert graph.to("meta")(X.to("meta", torch.float64))["y"].device.type == "meta"


def test_modes_choose_the_wiring_and_reach_the_modules():
    graph = build()
    assert graph.mode == "inference"
    assert set(graph(X)) == {"y"}
    assert graph.train().mode == "training"
    assert set(graph(X)) == {"loss"}
    assert all(module.training for module in graph.modules())


def test_an_optimizer_lowers_the_loss():
    graph = build().train()
    optimizer = torch.optim.SGD(graph.parameters(), lr=0.1)
    losses = []
    for _ in range(10):
        (loss,) = graph(X).values()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_data_parallel_training_gives_the_same_gradients(tmp_path):
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        graph, wrapped = build().train(), nn.parallel.DistributedDataParallel(build().train())
        for module in (graph, wrapped):
            module(X)["loss"].backward()
        for plain, parallel in zip(graph.parameters(), wrapped.parameters(), strict=True):
            assert torch.equal(plain.grad, parallel.grad)
        assert list(wrapped.state_dict()) == [f"module.{key}" for key in graph.state_dict()]
        wrapped.load_state_dict(wrapped.state_dict())
    finally:
        torch.distributed.destroy_process_group()


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_compiler")
def test_a_graph_and_its_parts_are_compiled_without_a_break():
    graph = build()
    part = graph.subgraph(until="o", feeds=["s"])
    other = build({**DOCUMENT, "outputs": {"z": "o"}})
    for module in (graph, part, other):
        compiled = torch.compile(module, backend="eager", fullgraph=True)
        found, expected = compiled(X), module(X)
        if module is part:
            found, expected = {"": found}, {"": expected}
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_compiler")
def test_a_compiled_graph_has_the_edits_that_hold_when_it_is_called():
    graph = build()
    compiled = torch.compile(graph, backend="eager", fullgraph=True)
    plain = compiled(X)
    for factor in (2.0, 3.0):
        with graph.editing({"s": lambda value, factor=factor: value.mul_(factor)}):
            found, expected = compiled(X), graph(X)
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert all(torch.equal(compiled(X)[name], plain[name]) for name in plain)

    def run(x):
        return graph.run(x, until="o", edits={"s": torch.zeros_like})

    expected = run(X)  # makes the plan
    assert torch.equal(torch.compile(run, backend="eager", fullgraph=True)(X), expected)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.filterwarnings("ignore:Dynamo does not know how to trace:UserWarning")
def test_one_compiled_graph_does_not_answer_for_another():
    other = {
        **NOISY,
        "inputs": {"w": "any"},
        "nodes": {"n": {"uses": "noise", "inputs": {"x": "w"}}, "o": NOISY["nodes"]["o"]},
        "outputs": {"z": "o"},
    }
    for document in (NOISY, other):
        graph = build(document)
        compiled = torch.compile(graph, backend="eager")
        torch.manual_seed(0)
        expected = graph(X)
        torch.manual_seed(0)
        found = compiled(X)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("strict", [True, False])
def test_a_subgraph_is_exported(strict):
    part = build().subgraph(until="o", feeds=["s"])
    exported = torch.export.export(part, (X,), strict=strict)
    assert torch.equal(exported.module()(X), part(X))


@pytest.mark.slow
def test_a_backbone_that_takes_a_generator_in_training_is_exported():
    graph = Graph.from_spec("mask_rcnn_efficientnet_lite0_fpn", until="backbone")
    part = graph.requires_grad_(False).subgraph(feeds=["preprocess.images"], until="bottom_up")
    images = ImageList(torch.rand(1, 3, 64, 64), [(64, 64)])
    exported = torch.export.export(part, (images,), strict=False).module()
    for name, expected in part(images).items():
        torch.testing.assert_close(exported(images)[name], expected)


@pytest.mark.parametrize(
    "name", ["forward", "load", "nodes", "mode", "spec", "seed", "plan", "state_dict", "type"]
)
def test_a_node_may_have_a_name_that_modules_use(name):
    nodes = {name: {"uses": "scale", "inputs": {"x": "x"}}}
    graph = build({**DOCUMENT, "nodes": nodes, "outputs": {"y": name}})
    assert torch.equal(graph(X)["y"], X * 2)
    assert list(graph.state_dict()) == [f"{name}.weight"]
    assert len(list(graph.train().parameters())) == 1


def test_the_one_name_that_no_node_can_have_is_refused():
    nodes = {"training": {"uses": "scale", "inputs": {"x": "x"}}}
    with pytest.raises(SpecError, match="'training' cannot name a node"):
        build({**DOCUMENT, "nodes": nodes, "outputs": {}})


def test_a_graph_shows_its_name_and_size():
    assert "demo: 5 nodes in training, 4 nodes in inference" in repr(
        build({**DOCUMENT, "name": "demo"})
    )


def test_a_nested_graph_cannot_be_called_by_itself():
    with pytest.raises(TypeError, match="through its graph"):
        build().get_submodule("g")(X)
