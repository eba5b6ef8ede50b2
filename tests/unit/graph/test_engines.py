"""Graphs that hand sets of their nodes to an engine."""

import copy
import logging
from unittest.mock import patch

import pytest
import torch

from composer import ExecutionError, Graph, InputError
from composer.cache_folders import find_cache_folder
from composer.layers import Optimization
from fake_engine import FakeEngine
from sample_nodes import NODES, Linear, Scale

X = torch.tensor([[1.0, -2.0], [3.0, 4.0]])


class DenseLinear(Linear):
    """A linear layer that engines may take."""

    optimization = classmethod(lambda cls: Optimization(dense=True))


class DenseScale(Scale):
    """A factor that engines may take."""

    optimization = classmethod(lambda cls: Optimization(dense=True))


TYPES = {**NODES, "linear": DenseLinear, "scale": DenseScale}
SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "source": {"uses": "source", "inputs": {"x": "x"}},
        "first": {"uses": "linear", "inputs": {"x": "source"}},
        "second": {"uses": "scale", "inputs": {"x": "first"}},
        "around": {"uses": "shift", "inputs": {"x": "first"}},
        "sum": {"uses": "add", "inputs": {"a": "second", "b": "around"}},
        "third": {"uses": "scale", "inputs": {"x": "sum"}},
    },
    "outputs": {"y": "third"},
}


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path))


@pytest.fixture
def graph():
    return Graph.from_spec(SPEC, nodes=TYPES)


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def fast(graph, engine):
    return graph.accelerate(engine, cache=False)


def sets_of(graph):
    return [each.paths for each in graph._execution.sets.sets]


def test_it_takes_the_largest_sets_and_gives_the_same_values(graph, fast, engine):
    assert sets_of(fast) == [("first", "second"), ("third",)]
    for value in (X, torch.rand(5, 2), torch.rand(1, 2)):
        assert torch.equal(fast(value)["y"], graph(value)["y"])
    assert engine.num_compiled == 2
    assert engine.num_runs >= 6


def test_a_plan_shows_a_set_as_one_step_with_its_engine(fast):
    shown = str(fast.plan())
    assert "first+second" in shown
    assert "fakeengine float32" in shown
    assert "by fakeengine float32, as one: first, second" in shown
    assert fast.plan().paths == ("source", "first", "second", "around", "sum", "third")


def test_a_value_that_leaves_a_set_comes_from_the_engine(fast, engine, graph):
    found = fast.run(X, until=["first", "second"])
    assert torch.equal(found["first"], graph.run(X, until="first"))
    assert engine.num_runs > 0


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"until": "first"}, "second does not run"),
        ({"until": ["third", "first:linear"]}, "first is tapped"),
        ({"until": "third", "feeds": {"first": X}}, "first does not run"),
    ],
)
def test_asking_for_the_inside_of_a_set_takes_pytorch_and_the_plan_says_so(
    graph, fast, request_, reason
):
    plan = fast.plan(request_["until"], feeds=request_.get("feeds", ()))
    assert f"by PyTorch, for {reason}: first, second" in str(plan)
    found, expected = fast.run(X, **request_), graph.run(X, **request_)
    torch.testing.assert_close(found, expected)


def test_a_hook_inside_a_set_takes_pytorch_and_the_plan_says_so(fast, engine):
    seen = []
    with fast.add_hook(lambda path, _: seen.append(path), "before", "second"):
        assert "by PyTorch, for a hook watches second" in str(fast.plan())
        fast(X)
    assert seen == ["second"]
    assert [part.outputs[0].name for part in engine.parts] == ["third"]


def test_a_hook_of_torch_inside_a_set_is_called(fast, graph):
    seen = []
    handle = graph.module("first").register_forward_hook(lambda *_: seen.append(1))
    fast(X)
    handle.remove()
    fast(X)
    assert seen == [1]


def test_sessions_keep_what_leaves_a_set_and_compute_the_rest_by_pytorch(graph, fast):
    session, expected = fast.session(X), graph.session(X)
    assert torch.equal(session["third"], expected["third"])
    assert torch.equal(session["first"], expected["first"])
    session["first"] = expected["first"] = torch.ones(2, 2)
    assert torch.equal(session["third"], expected["third"])


@pytest.mark.parametrize("past_the_counter", [False, True])
def test_a_set_follows_the_weights_of_the_graph(graph, fast, engine, past_the_counter):
    fast(X)
    weight = graph.module("second").weight
    with torch.no_grad():
        (weight.data if past_the_counter else weight).fill_(7.0)
    assert torch.equal(fast(X)["y"], graph(X)["y"])
    assert engine.num_compiled == 3


def test_no_rows_are_left_to_pytorch(graph, fast):
    assert fast(torch.rand(0, 2))["y"].shape == (0, 2)
    assert torch.equal(fast(X)["y"], graph(X)["y"])


def test_an_engine_gets_tensors_of_one_layout(graph, fast, engine):
    fast(X)
    layouts = []
    inner, engine.watch = engine.watch, lambda each: layouts.append(each.is_contiguous())
    turned = torch.rand(2, 5).t()
    torch.testing.assert_close(fast(turned)["y"], graph(turned)["y"])
    feeds = {"sum": torch.rand(2, 7).t()}
    found = fast.run(until="third", feeds=feeds)
    torch.testing.assert_close(found, graph.run(until="third", feeds=feeds))
    engine.watch = inner
    assert layouts
    assert all(layouts)


def test_an_edit_inside_a_set_takes_pytorch_and_the_plan_says_so(graph, fast, engine):
    fast(X)  # compiles
    for name, by_engine in (("first", 1), ("second", 2)):  # the second only leaves its set
        engine.num_runs = 0
        found = fast.run(X, edits={name: lambda value: value * 2})["y"]
        torch.testing.assert_close(found, graph.run(X, edits={name: lambda value: value * 2})["y"])
        assert engine.num_runs == by_engine
    assert "by PyTorch, for first is edited: first, second" in str(fast.plan(edits=["first"]))
    assert "by PyTorch" not in str(fast.plan(edits="second"))


def test_below_an_edit_that_needs_gradients_pytorch_runs_the_nodes(graph, fast, engine):
    factor = torch.tensor(2.0, requires_grad=True)
    edits = {"second": lambda value: value * factor}
    fast(X)  # compiles
    engine.num_runs = 0
    found, expected = fast.run(X, edits=edits)["y"], graph.run(X, edits=edits)["y"]
    assert engine.num_runs == 1
    torch.testing.assert_close(found, expected)
    grads = [torch.autograd.grad(each.sum(), factor)[0] for each in (found, expected)]
    torch.testing.assert_close(*grads)
    with torch.no_grad():
        fast.run(X, edits=edits)
    assert engine.num_runs == 3


def test_edits_of_a_block_hold_for_the_graph_on_an_engine(graph, fast):
    with graph.editing({"first": lambda value: value * 2}):
        torch.testing.assert_close(fast(X)["y"], graph(X)["y"])
        session = fast.session(X)
        torch.testing.assert_close(session["third"], graph.run(X, until="third"))


def test_gradients_come_from_pytorch(graph, fast, engine):
    x = X.clone().requires_grad_()
    fast(x)["y"].sum().backward()
    assert x.grad is not None
    assert engine.num_runs == 0


def test_named_nodes_are_taken_and_others_are_not(graph, engine):
    assert sets_of(graph.accelerate(engine, "third", cache=False)) == [("third",)]
    joined = graph.accelerate(engine, "third", cache=False).accelerate(
        FakeEngine(), ["first"], cache=False
    )
    assert sets_of(joined) == [("third",), ("first",)]
    assert torch.equal(joined(X)["y"], graph(X)["y"])


def test_mistaken_nodes_are_named(graph, engine):
    with pytest.raises(InputError, match=r"cannot take node 'sum': .* does not say"):
        graph.accelerate(engine, ["sum"])
    with pytest.raises(InputError, match="no operation for a layer"):
        graph.accelerate(FakeEngine(refused=["DenseScale"]), ["second"])
    with pytest.raises(InputError, match="has no precision 'int4': it has float32, bfloat16, int8"):
        graph.accelerate(engine, precision="int4")
    with (
        patch("composer.graph.engine_graph.is_dense", lambda node: node.path != "around"),
        pytest.raises(InputError, match="first -> around -> sum leaves them"),
    ):
        graph.accelerate(engine, ["first", "second", "sum"])


def test_what_is_no_engine_is_refused_and_a_class_is_made_one(graph):
    assert graph.accelerate(FakeEngine, cache=False).engine_steps
    with pytest.raises(InputError, match="int lacks extra, precisions"):
        graph.accelerate(5)
    with pytest.raises(InputError, match="no node is named"):
        graph.accelerate(FakeEngine(), [])
    with pytest.raises(InputError, match="calibrate takes several inputs"):
        graph.accelerate(FakeEngine(), precision="int8", calibrate="folder")


def test_a_node_with_a_device_of_its_own_is_in_no_set(engine):
    nodes = {**SPEC["nodes"], "second": {**SPEC["nodes"]["second"], "device": "cpu"}}
    graph = Graph.from_spec({**SPEC, "nodes": nodes}, nodes=TYPES)
    assert sets_of(graph.accelerate(engine)) == [("first",), ("third",)]
    with pytest.raises(InputError, match="'second': it has a device of its own, cpu"):
        graph.accelerate(engine, "second")


def test_an_engine_that_computes_something_else_is_not_used(graph, caplog):
    fast = graph.accelerate(FakeEngine(offset=0.5), cache=False)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(fast(X)["y"], graph(X)["y"])
    assert "PyTorch runs them" in caplog.text
    assert "is off by 0.5" in str(fast.plan())
    named = graph.accelerate(FakeEngine(offset=0.5), ["third"], cache=False)
    with pytest.raises(ExecutionError, match=r"cannot take third: .* is off by 0.5"):
        named(X)


class TwoLevels(torch.nn.Module):
    """Two levels of features, the second of which has hardly any."""

    optimization = classmethod(lambda cls: Optimization(dense=True))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x, x * 1e-6]


def test_levels_are_measured_by_the_largest_value_of_all(caplog):
    nodes = {"levels": {"uses": "two_levels", "inputs": {"x": "x"}}}
    spec = {**SPEC, "inputs": {"x": "any"}, "nodes": nodes, "outputs": {"y": "levels"}}
    graph = Graph.from_spec(spec, nodes={**TYPES, "two_levels": TwoLevels})
    fast = graph.accelerate(FakeEngine(offset=1e-4), cache=False)
    with caplog.at_level(logging.WARNING):
        small = fast.run(X, until="levels")[1]
    assert torch.equal(small, X * 1e-6 + 1e-4)
    assert not caplog.text


def test_int8_is_calibrated_on_what_enters_each_set(graph, engine):
    with pytest.raises(InputError, match="needs images to be calibrated on"):
        graph.accelerate(engine, precision="int8")
    with pytest.raises(InputError, match="at least one image"):
        graph.accelerate(engine, precision="int8", calibrate=[])
    with pytest.raises(InputError, match="calibration is for int8"):
        graph.accelerate(engine, calibrate=[X])
    fast = graph.accelerate(engine, "third", "int8", calibrate=[X, X + 1], cache=False)
    fast(X)
    ((first, second),) = engine.calibrations
    assert torch.equal(first[0], graph.run(X, until="sum"))
    assert torch.equal(second[0], graph.run(X + 1, until="sum"))


def test_compiled_sets_are_kept_on_disk(graph, engine):
    graph.accelerate(engine)(X)
    again = FakeEngine()
    graph.accelerate(again)(X)
    assert (again.num_compiled, again.num_loaded) == (0, 2)


@pytest.mark.parametrize("damage", ["program", "entry.json", "left out"])
def test_a_damaged_entry_of_the_cache_is_compiled_anew(graph, engine, damage):
    other = Graph.from_spec(SPEC, nodes=TYPES, seed=3)
    other.accelerate(engine, "third")(X)
    entries = [p for p in find_cache_folder("compiled").iterdir() if (p / "entry.json").exists()]
    for entry in entries:
        if damage == "left out":
            (entry / "program").unlink()
        else:
            (entry / damage).write_text("{}")
    again = FakeEngine()
    other.accelerate(again, "third")(X)
    assert (again.num_compiled, again.num_loaded) == (1, 1)


def test_other_weights_precisions_and_versions_are_other_entries(graph, monkeypatch):
    monkeypatch.setenv("COMPOSER_EMULATE_BFLOAT16", "1")
    counts = []
    with torch.no_grad():
        graph.module("third").weight.fill_(0.123)
    for options in ({}, {"precision": "bfloat16"}):
        engine = FakeEngine()
        graph.accelerate(engine, "third", **options)(X)
        counts.append(engine.num_compiled)
    engine = FakeEngine()
    engine.describe_version = lambda: "2.0"
    graph.accelerate(engine, "third")(X)
    with torch.no_grad():
        graph.module("third").weight.fill_(0.124)
    graph.accelerate(engine, "third")(X)
    assert [*counts, engine.num_compiled] == [1, 1, 2]


def test_a_copy_of_an_accelerated_graph_compiles_for_itself(fast, graph):
    fast(X)
    assert torch.equal(copy.deepcopy(fast)(X)["y"], graph(X)["y"])


def test_a_part_of_an_accelerated_graph_keeps_the_sets_that_it_has(graph, fast, engine):
    part = fast.subgraph(until="third", feeds=["source"])
    assert sets_of(part) == [("first", "second"), ("third",)]
    value = torch.rand(3, 2)
    assert torch.equal(part(value), graph.run(until="third", feeds={"source": value}))
    assert sets_of(fast.subgraph(until="first")) == []


def test_a_graph_without_dense_nodes_says_so():
    plain = Graph.from_spec(SPEC, nodes=NODES)
    with pytest.raises(InputError, match="can take no node of this graph"):
        plain.accelerate(FakeEngine())


def test_the_profile_shows_a_set_as_one_row(fast):
    rows = [node.path for node in fast.profile(X).nodes]
    assert rows == ["source", "first+second", "around", "sum", "third"]


def test_a_failing_engine_names_the_nodes_and_itself(graph, engine):
    fast = graph.accelerate(engine, "third", cache=False)
    fast(X)
    engine.failure = RuntimeError("it is out of order")
    with pytest.raises(ExecutionError, match=r"'third' .* 'fakeengine' failed: .* out of order"):
        fast(X)


class LowLinear(Linear):
    """A linear layer that engines may take, and that may be of a lower precision."""

    optimization = classmethod(lambda cls: Optimization(dense=True, lower_precision=True))


def test_an_engine_gets_float32_from_a_graph_that_is_optimised_in_bfloat16(engine, monkeypatch):
    monkeypatch.setenv("COMPOSER_EMULATE_BFLOAT16", "1")
    nodes = {name: SPEC["nodes"][name] for name in ("source", "first")}
    nodes["second"] = {"uses": "linear", "inputs": {"x": "first"}}
    spec = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}
    graph = Graph.from_spec(spec, nodes={**NODES, "linear": LowLinear})
    fast = graph.optimize("bfloat16").accelerate(engine, "second", cache=False)
    found, expected = fast.run(X, until="second"), graph.run(X, until="second")
    assert engine.num_runs > 0
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_gradients_are_those_of_the_graphs_own_modules(graph):
    engine = FakeEngine(offset=1.0)
    expected = graph.session(X).gradient("third[1, 0]", ["source", "second"])
    session = graph.accelerate(engine).session(X)
    kept = session["third"]
    runs = engine.num_runs
    found = session.gradient("third[1, 0]", ["source", "second"])
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert engine.num_runs == runs
    assert session["third"] is kept
    plan = session.plan("third[1, 0]", at="source")
    assert "by PyTorch, on the original weights: all nodes" in str(plan)
    session["first"] = torch.zeros(2, 2)
    assert session.gradient("third.sum()", "first").shape == (2, 2)
