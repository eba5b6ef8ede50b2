"""Requests of a graph: inputs, targets, feeds, subgraphs, hooks, profiles, and what is refused."""

import pytest
import torch
from torch import Tensor

from composer import Graph, InputError, NameResolutionError
from composer.construction import check_source
from sample_nodes import NODES, Halves

DOCUMENT = {
    "composer": 1,
    "name": "demo",
    "inputs": {"x": "any", "m": {"optional": True}},
    "nodes": {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "s": {"uses": "split", "inputs": {"x": "a"}},
        "t": {"uses": "total", "inputs": {"parts": ["s.low", "s.high"], "extra": "m"}},
        "l": {"uses": "losses", "when": "training", "inputs": {"x": "t"}},
        "k": {
            "uses": "losses",
            "when": "training",
            "inputs": {"x": "a"},
            "with": {"name": "other"},
        },
    },
    "outputs": {"training": {"losses": ["l", "k"]}, "inference": {"y": "t", "both": ["a", "t"]}},
}
X = torch.tensor([-3.0, 2.0])


@pytest.fixture
def graph():
    return Graph.from_spec(DOCUMENT, nodes=NODES)


@pytest.mark.parametrize(
    "call",
    [
        lambda graph: graph(X),
        lambda graph: graph(x=X),
        lambda graph: graph({"x": X}),
        lambda graph: graph(X, None),
        lambda graph: graph.run(X),
        lambda graph: graph.run({"x": X}),
        lambda graph: graph.run({"x": X, "m": None}),
        lambda graph: graph.run(feeds={"x": X}),
    ],
)
def test_inputs_are_given_by_place_by_name_or_as_a_mapping(graph, call):
    found = call(graph)
    assert torch.equal(found["y"], X + 1)
    assert torch.equal(found["both"][0], X + 1)


def test_an_optional_input_adds_what_it_brings(graph):
    assert torch.equal(graph(X, torch.ones(2))["y"], X + 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda graph: graph(),
            "the input 'x' (anything), which a reads, is missing; give it, or feed",
        ),
        (lambda graph: graph(X, None, X), "3 inputs were given; the graph takes: x (anything), m"),
        (lambda graph: graph(X, x=X), "the input 'x' was given twice"),
        (lambda graph: graph(z=X), "there is no input 'z'; the graph takes: x (anything), m"),
        (
            lambda graph: graph.run(X, until="t", feeds={"a:b": 1}),
            "a tap can be read, not replaced",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(graph, call, message):
    with pytest.raises((InputError, NameResolutionError)) as caught:
        call(graph)
    assert message in str(caught.value)


def test_one_target_gives_its_value_and_several_a_dict_by_the_names_given(graph):
    assert torch.equal(graph.run(X, until="a"), X + 1)
    found = graph.run(X, until=["s.high", "a"])
    assert list(found) == ["s.high", "a"]
    assert torch.equal(found["s.high"], torch.tensor([0.0, 3.0]))


def test_nothing_that_is_fed_is_asked_for_as_an_input(graph):
    assert torch.equal(graph.run(until="t", feeds={"s": Halves(X, X)}), 2 * X)
    assert torch.equal(graph.run(until="t", feeds={"s.low": X, "s.high": X}), 2 * X)


def test_losses_of_several_nodes_become_one_dict(graph):
    assert list(graph.train()(X)) == ["loss", "other"]


def test_two_losses_of_one_name_are_refused():
    nodes = {**DOCUMENT["nodes"], "k": {**DOCUMENT["nodes"]["k"], "with": {"name": "loss"}}}
    graph = Graph.from_spec({**DOCUMENT, "nodes": nodes}, nodes=NODES).train()
    with pytest.raises(InputError, match="two nodes give a loss called 'loss'"):
        graph(X)


def test_a_mode_without_outputs_can_be_run_until_a_node():
    outputs = {"inference": {"y": "t"}}
    graph = Graph.from_spec({**DOCUMENT, "outputs": outputs}, nodes=NODES).train()
    with pytest.raises(InputError, match="the spec has no outputs in training mode; name a node"):
        graph(X)
    assert set(graph.run(X, until="l")) == {"loss"}


def test_a_subgraph_takes_its_feeds_and_gives_its_targets(graph):
    part = graph.subgraph(until="t", feeds=["s.low", "s.high"])
    assert part.nodes() == ("t",)
    assert torch.equal(part(None, X, X), 2 * X)  # m comes first, and is optional
    assert torch.equal(part.run({"s.low": X, "s.high": X}), 2 * X)
    several = graph.subgraph(until=["a", "t"])
    assert list(several(X)) == ["a", "t"]


def test_a_subgraph_is_cut_off_from_all_ports_of_a_node_that_it_is_fed(graph):
    part = graph.subgraph(until="t", feeds=["s"])
    assert part.nodes() == ("t",)
    assert torch.equal(part.run({"s": X, "s.high": X}), 2 * X)


@pytest.mark.parametrize(
    ("feeds", "paths"),
    [
        ({"s": X}, ("a", "s", "t")),  # the first port; the other is computed
        ({"s.low": X}, ("a", "s", "t")),
        ({"s.low": X, "s.high": X}, ("t",)),
        ({"a": X}, ("s", "t")),
    ],
)
def test_a_plan_takes_names_of_feeds_as_a_run_takes_plain_values(graph, feeds, paths):
    seen = []
    with graph.add_hook(lambda path, _: seen.append(path), "before"):
        graph.run(X, until="t", feeds=feeds)
    assert graph.plan("t", feeds=list(feeds)).paths == tuple(seen) == paths


def test_a_subgraph_can_be_cut_again(graph):
    part = graph.subgraph(until="t").subgraph(until="s.high", feeds=["a"])
    assert torch.equal(part(X), X.clamp(min=0))


def test_a_part_is_built_without_the_rest():
    built = []

    def note(x: Tensor) -> Tensor:
        return x

    class Noted(torch.nn.Module):
        def __init__(self, *, name: str) -> None:
            super().__init__()
            built.append((name, torch.empty(0).device.type))

        def forward(self, x: Tensor) -> Tensor:
            return x

    nodes = {
        name: {"uses": "noted", "inputs": {"x": before}, "with": {"name": name}}
        for before, name in (("x", "one"), ("one", "two"), ("two", "three"))
    }
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}
    part = Graph.from_spec(document, nodes={"noted": Noted}, until="two", feeds=["one"])
    assert [name for name, device in built if device == "cpu"] == ["two"]
    assert torch.equal(part(X), X)


def test_hooks_see_ports_before_and_after_and_can_be_taken_away(graph):
    seen = []
    before = graph.add_hook(lambda path, inputs: seen.append((path, sorted(inputs))), "before", "s")
    with graph.add_hook(lambda path, outputs: seen.append((path, sorted(outputs))), "after", "s"):
        graph(X)
        before.remove()
        before.remove()
        graph(X)
    graph(X)
    assert seen == [("s", ["x"]), ("s", ["high", "low"]), ("s", ["high", "low"])]


def test_a_hook_may_watch_a_nested_graph_or_everything():
    group = {"inputs": {"x": "x"}, "nodes": {"b": {"uses": "shift", "inputs": {"x": "x"}}}}
    nodes = {"g": group, "gg": {"uses": "shift", "inputs": {"x": "g.b"}}}
    graph = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=NODES)
    some, all_of_them = [], []
    graph.add_hook(lambda path, _: some.append(path), "after", "g")
    graph.add_hook(lambda path, _: all_of_them.append(path), "after")
    graph.run(X, until="gg")
    assert (some, all_of_them) == (["g.b"], ["g.b", "gg"])


def test_a_hook_that_goes_while_it_watches_hides_no_other(graph):
    seen = []
    handle = graph.add_hook(lambda path, _: handle.remove(), "before")
    graph.add_hook(lambda path, _: seen.append(path), "before")
    graph(X)
    assert seen == ["a", "s", "t"]


def test_a_profile_measures_every_node_and_gives_the_result(graph):
    profile = graph.profile(X, until="t")
    assert [node.path for node in profile.nodes] == ["a", "s", "t"]
    assert torch.equal(profile.result, X + 1)
    assert [node.output for node in profile.nodes][1] == "low: 2 float32, high: 2 float32"
    assert [node.output_bytes for node in profile.nodes] == [8, 16, 8]
    assert all(node.peak_bytes >= node.output_bytes for node in profile.nodes)
    assert all(node.peak_bytes is None for node in graph.profile(X, memory=False).nodes)
    assert "total" in str(profile)


def test_a_profile_leaves_nothing_behind_even_if_a_node_fails(graph):
    with pytest.raises(Exception, match="node 'a'"):
        graph.profile("no tensor")
    seen = graph.profile(X, until="a")
    assert len(seen.nodes) == 1


@pytest.fixture
def blueprint():
    return check_source(DOCUMENT, nodes=NODES)


def test_a_graph_built_for_a_plan_has_its_nodes_and_runs_it(graph, blueprint):
    plan = blueprint.plan("inference", "s.low")
    part = Graph.from_blueprint(blueprint, plan=plan)
    assert list(part.callables) == ["a", "s"]
    (low,) = part.run(X, until=plan).values()
    assert torch.equal(low, graph.run(X, until="s.low"))
    assert torch.equal(low, part.run(X, until="s.low"))


@pytest.mark.parametrize("until", ["t", None, "s:inside"])
def test_a_node_that_was_not_built_is_named(blueprint, until):
    part = Graph.from_blueprint(blueprint, plan=blueprint.plan("inference", "a"))
    message = r"node 's' was not built: the graph was built for a plan that does without it"
    with pytest.raises(InputError, match=message):
        part.run(X, until=until)
    with pytest.raises(InputError, match=message):
        part.session(X)["s"]


def test_a_plan_of_nodes_that_were_not_built_is_refused_before_anything_runs(blueprint):
    part = Graph.from_blueprint(blueprint, plan=blueprint.plan("inference", "a"))
    seen = []
    part.add_hook(lambda path, _: seen.append(path), "before")
    with pytest.raises(InputError, match="node 's' was not built"):
        part.run(X, until=blueprint.plan("inference", "t"))
    assert not seen


def test_a_plan_gives_its_targets_by_full_name(graph, blueprint):
    plan = blueprint.plan("inference", ["low", "a"])
    found = graph.run(X, until=plan)
    assert list(found) == ["s.low", "a"]
    assert torch.equal(found["a"], graph.run(X, until="a"))


def test_a_plan_runs_in_its_own_mode(graph, blueprint):
    losses = graph.run(X, until=blueprint.plan("training"))
    assert losses == graph.run(X, mode="training")


def test_a_plan_takes_the_feeds_that_it_was_made_for(graph, blueprint):
    plan = blueprint.plan("inference", "t", ["a"])
    (total,) = graph.run(until=plan, feeds={"a": X}).values()
    assert torch.equal(total, graph.run(until="t", feeds={"a": X}))


@pytest.mark.parametrize(
    ("planned", "feeds", "message"),
    [
        (["a"], {}, "the plan was made for feeds of a; fed are: nothing"),
        ([], {"a": X}, "the plan was made for feeds of nothing; fed are: a"),
        (["a"], {"s.low": X}, r"the plan was made for feeds of a; fed are: s\.low"),
    ],
)
def test_a_plan_refuses_other_feeds(graph, blueprint, planned, feeds, message):
    plan = blueprint.plan("inference", "t", planned)
    with pytest.raises(InputError, match=message):
        graph.run(X, until=plan, feeds=feeds)
