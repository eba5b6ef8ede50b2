"""Threads share a graph: each run is as if it were alone, with its taps, observers and feeds."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from composer import ExecutionError, Graph, InputError
from composer.construction import check_source

NUM_RUNS = 160


class Inner(nn.Module):
    """Waits within its module, so that runs of threads overlap there."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        between = self.first(x)
        pause.wait(0.001)
        return self.last(between)


def noise(x: Tensor, generator: torch.Generator) -> Tensor:
    return x + torch.rand(x.shape, generator=generator)


pause = threading.Event()  # never set: a wait of a moment
DOCUMENT = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "inner", "inputs": {"x": "x"}},
        "g": {
            "inputs": {"x": "a"},
            "nodes": {"b": {"uses": "inner", "inputs": {"x": "x"}}},
            "outputs": {"y": "b"},
        },
        "again": {"same_as": "a", "inputs": {"x": "g"}},
        "n": {"uses": "noise", "inputs": {"x": "again"}},
    },
    "outputs": {"y": "n"},
}
NODES = {"inner": Inner, "noise": noise}


@pytest.fixture
def graph():
    return Graph.from_spec(DOCUMENT, nodes=NODES)


def in_threads(task):
    """The results of a task for each number, in eight threads."""
    with torch.no_grad(), ThreadPoolExecutor(8) as pool:
        return list(pool.map(torch.no_grad()(task), range(NUM_RUNS)))


def inputs(number):
    return torch.full((2, 4), float(number))


@pytest.mark.parametrize(
    "until",
    ["a:first", "again:first", ["b:first", "b:last", "a"], ["a:first", "again:first"], "n", None],
)
def test_runs_of_threads_give_what_they_give_alone(graph, until):
    def run(number):
        return graph.run(inputs(number), until=until, seed=number)

    for number, found in enumerate(in_threads(run)):
        with torch.no_grad():
            expected = run(number)
        if not isinstance(found, dict):
            found, expected = {"": found}, {"": expected}
        assert all(torch.equal(value, expected[name]) for name, value in found.items())


def test_runs_of_threads_have_their_own_feeds(graph):
    def run(number):
        return graph.run(until=["b:last", "n"], feeds={"a": inputs(number)}, seed=number)

    found = in_threads(run)
    with torch.no_grad():
        assert all(torch.equal(one["n"], run(i)["n"]) for i, one in enumerate(found))
        assert all(torch.equal(one["b:last"], run(i)["b:last"]) for i, one in enumerate(found))


def test_hooks_and_profiles_see_the_runs_of_their_thread(graph):
    def run(number):
        seen = []
        with graph.add_hook(lambda path, values: seen.append((path, values)), "after"):
            profile = graph.profile(inputs(number), memory=bool(number % 2))
            value = graph.run(inputs(number), until="a")
        return seen, profile, value

    for seen, profile, value in in_threads(run):
        assert [node.path for node in profile.nodes] == ["a", "g.b", "again", "n"]
        assert [path for path, _ in seen] == ["a", "g.b", "again", "n", "a"]
        assert torch.equal(seen[-1][1]["output"], value)


def test_a_hook_may_see_the_runs_of_every_thread(graph):
    seen, own = [], []
    every = graph.add_hook(lambda path, _: seen.append(path), "before", every_thread=True)
    with every, graph.add_hook(lambda path, _: own.append(path), "before"):
        in_threads(lambda number: graph.run(inputs(number), until="a"))
    assert len(seen) == NUM_RUNS
    assert own == []


def test_a_hook_that_fails_fails_the_runs_of_its_thread_only(graph):
    def fail(path, values):
        raise ValueError("no")

    def run(number):
        if number % 2:
            return graph.run(inputs(number), until="a")
        with graph.add_hook(fail, "after"), pytest.raises(ExecutionError, match="no"):
            graph.run(inputs(number), until="a")
        return None

    assert all(torch.is_tensor(found) for found in in_threads(run)[1::2])
    assert torch.is_tensor(graph.run(inputs(0), until="a"))


def test_a_session_belongs_to_its_thread(graph):
    session = graph.session(inputs(0))

    def use(number):
        own = graph.session(inputs(number), seed=number)
        with pytest.raises(InputError, match="belongs to the thread that made it"):
            session["a"]
        with pytest.raises(InputError, match="belongs to the thread"):
            session["a"] = inputs(1)
        own["a"] = inputs(number)
        return own["b:first"], own["n"]

    for number, found in enumerate(in_threads(use)):
        own = graph.session(inputs(number), seed=number)
        own["a"] = inputs(number)
        with torch.no_grad():
            assert torch.equal(found[0], own["b:first"])
            assert torch.equal(found[1], own["n"])


def test_subgraphs_made_in_threads_share_the_modules(graph):
    def run(number):
        part = graph.subgraph(feeds=["a"], until="b")
        return part(inputs(number)), part.run(inputs(number), until="b:first")

    for number, (value, tap) in enumerate(in_threads(run)):
        with torch.no_grad():
            assert torch.equal(value, graph.run(until="b", feeds={"a": inputs(number)}))
        assert torch.equal(value, tap)


def test_threads_may_plan_more_than_is_kept():
    blueprint = check_source(DOCUMENT, nodes=NODES)
    names = [["a"] * count for count in range(1, 400)]
    plans = in_threads(lambda number: [blueprint.plan("inference", one) for one in names])
    counts = [[len(plan.targets) for plan in found] for found in plans]
    assert counts == [[len(one) for one in names]] * NUM_RUNS


def test_threads_build_the_weights_of_the_seed():
    blueprint = check_source(DOCUMENT, nodes=NODES)
    expected = Graph.from_blueprint(blueprint, seed=3).state_dict()
    state = torch.get_rng_state()
    for graph in in_threads(lambda _: Graph.from_blueprint(blueprint, seed=3))[::10]:
        found = graph.state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_run_inside_a_node_is_no_part_of_the_run_around_it(graph):
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = graph.module("a")

        def forward(self, x: Tensor) -> Tensor:
            inside.append(graph.run(x + 1, until="a:first"))
            inside.append(graph.run(x + 2, until="a"))
            return self.inner(x)

    inside: list[Tensor] = []
    document = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {"o": {"uses": "outer", "inputs": {"x": "x"}}},
    }
    outer = Graph.from_spec(document, nodes={"outer": Outer})
    inside.clear()
    with torch.no_grad():
        tapped = outer.run(inputs(0), until="o:inner.first")
        assert torch.equal(tapped, graph.run(inputs(0), until="a:first"))
        assert torch.equal(inside[-2], graph.run(inputs(1), until="a:first"))
        profile = outer.profile(inputs(0), until="o")
    assert [node.path for node in profile.nodes] == ["o"]


def test_tasks_of_one_thread_have_their_own_taps(graph):
    async def run(number):
        await asyncio.sleep(0)
        value = graph.run(inputs(number), until="a:first")
        await asyncio.sleep(0)
        return await asyncio.to_thread(graph.run, inputs(number), until="a:first"), value

    async def run_all():
        return await asyncio.gather(*map(run, range(20)))

    for number, found in enumerate(asyncio.run(run_all())):
        expected = graph.run(inputs(number), until="a:first")
        assert all(torch.equal(one, expected) for one in found)
