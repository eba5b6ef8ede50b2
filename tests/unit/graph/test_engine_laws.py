"""The laws of graphs whose nodes engines run: whatever the sets are, values are PyTorch's."""

from unittest.mock import patch

import torch
from hypothesis import given
from hypothesis import strategies as st

from fake_engine import FakeEngine
from strategies.random_graphs import node_of, random_graphs

SEED = 7


def batch():
    return torch.arange(6.0).reshape(2, 3) - 2.5


def accelerated(graph, taken, engine=None):
    """The graph with the largest sets of some nodes on an engine; None if there are none."""
    drawing = {path for path in taken if graph.blueprint.nodes[path].draws_in("inference")}
    if not set(taken) - drawing:
        return None
    with patch("composer.graph.engine_graph.is_dense", lambda node: node.path in taken):
        return graph.accelerate(engine or FakeEngine(), cache=False)


@st.composite
def cases(draw):
    drawn = draw(random_graphs())
    graph = drawn.build()
    addresses = drawn.outputs["inference"]
    paths = sorted({node_of(address) for address in addresses})
    taken = draw(st.sets(st.sampled_from(paths))) if paths else set()
    return drawn, graph, accelerated(graph, taken), addresses


@given(cases(), st.data())
def test_any_request_with_any_feeds_gives_what_pytorch_gives(case, data):
    _, graph, fast, addresses = case
    if fast is None:
        return
    targets = data.draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=3, unique=True))
    fed = data.draw(st.lists(st.sampled_from(addresses), max_size=2, unique=True))
    feeds = {address: torch.full((2, 3), 2.0) for address in fed}
    request = {"until": targets, "feeds": feeds, "seed": SEED}
    found, expected = fast.run(batch(), **request), graph.run(batch(), **request)
    for name in targets:
        torch.testing.assert_close(found[name], expected[name])


@given(cases(), st.data())
def test_a_hook_sees_each_node_that_it_watches_and_changes_no_value(case, data):
    drawn, graph, fast, addresses = case
    if fast is None:
        return
    target = data.draw(st.sampled_from(addresses))
    watched = data.draw(st.sampled_from(sorted(map(node_of, addresses))))
    seen = []
    with fast.add_hook(lambda path, _: seen.append(path), "after", watched):
        found = fast.run(batch(), until=target, seed=SEED)
    torch.testing.assert_close(found, graph.run(batch(), until=target, seed=SEED))
    assert seen == [watched] * (watched in drawn.ancestors("inference", [target], []))


@given(cases(), st.data())
def test_a_session_gives_what_pytorch_gives_in_any_order_of_reads_and_replacements(case, data):
    _, graph, fast, addresses = case
    if fast is None:
        return
    sessions = [each.session(batch(), mode="inference", seed=SEED) for each in (fast, graph)]
    steps = st.tuples(st.sampled_from(["read", "replace", "restore"]), st.sampled_from(addresses))
    for action, address in data.draw(st.lists(steps, max_size=8)):
        if action == "read":
            found, expected = [session[address] for session in sessions]
            torch.testing.assert_close(found, expected)
        elif action == "replace":
            for session in sessions:
                session[address] = torch.ones(2, 3)
        elif address in sessions[1].replaced:
            for session in sessions:
                del session[address]


@given(cases(), st.data())
def test_a_plan_says_what_runs_and_runs_the_same_nodes(case, data):
    drawn, _, fast, addresses = case
    if fast is None:
        return
    targets = data.draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=3, unique=True))
    plan = fast.plan(targets, mode="inference")
    assert set(plan.paths) == drawn.ancestors("inference", targets, [])
    assert len(plan.paths) == len(set(plan.paths))
    shown = str(plan)
    for each in fast._execution.sets.sets:
        runs_any = not set(each.paths).isdisjoint(plan.paths)
        assert (", ".join(each.paths) in shown) >= runs_any
    found = fast.run(batch(), until=plan, seed=SEED)
    assert list(found) == [target.name for target in plan.targets]


@given(drawn=random_graphs(), data=st.data())
def test_what_needs_gradients_takes_the_way_of_pytorch(drawn, data):
    graph, addresses = drawn.build(), drawn.outputs["inference"]
    engine = FakeEngine()
    fast = accelerated(graph, {node_of(address) for address in addresses}, engine)
    if fast is None:
        return
    target = data.draw(st.sampled_from(addresses))
    found, expected = [
        each.run(batch().requires_grad_(), until=target, seed=SEED) for each in (fast, graph)
    ]
    torch.testing.assert_close(found, expected)
    assert found.requires_grad == expected.requires_grad
    assert engine.num_runs == 0
