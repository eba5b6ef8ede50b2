"""The laws of partial execution, on random graphs."""

import weakref

import torch
from hypothesis import given
from hypothesis import strategies as st

from composer import Graph
from strategies.random_graphs import MODES, RandomGraph, node_of, random_graphs

SEED = 7
modes = st.sampled_from(MODES)


def batch():
    return torch.arange(6.0).reshape(2, 3) - 2.5


def everything(graph, mode, addresses):
    """All values of a mode, computed in one run."""
    return graph.run(batch(), until=addresses, mode=mode, seed=SEED) if addresses else {}


def paths_that_run(graph, **request):
    """Runs a request and tells which nodes ran."""
    seen = []
    with graph.add_hook(lambda path, _: seen.append(path), "after"):
        graph.run(**request)
    return seen


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_a_run_runs_exactly_the_ancestors_that_feeds_leave(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    targets = data.draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=3, unique=True))
    feeds = data.draw(st.lists(st.sampled_from(addresses), max_size=3, unique=True))
    values = everything(graph, mode, addresses)
    seen = paths_that_run(
        graph,
        inputs=batch(),
        until=targets,
        feeds={address: values[address] for address in feeds},
        mode=mode,
        seed=SEED,
    )
    assert len(seen) == len(set(seen))
    assert set(seen) == drawn.ancestors(mode, targets, feeds)
    planned = graph.plan(targets, feeds=feeds, mode=mode)
    assert planned.paths == tuple(seen)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_a_full_run_equals_a_run_until_some_values_continued_from_them(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    values = everything(graph, mode, addresses)
    kept = data.draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=3, unique=True))
    target = data.draw(st.sampled_from(addresses))
    first = graph.run(batch(), until=kept, mode=mode, seed=SEED)
    second = graph.run(batch(), until=target, feeds=first, mode=mode, seed=SEED)
    assert torch.equal(second, values[target])
    assert all(torch.equal(first[address], values[address]) for address in kept)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_the_order_of_declaration_is_irrelevant(drawn, mode, data):
    shuffled = dict(data.draw(st.permutations(list(drawn.spec["nodes"].items()))))
    other = RandomGraph({**drawn.spec, "nodes": shuffled}, drawn.wires, drawn.outputs)
    addresses = drawn.outputs[mode]
    expected = everything(drawn.build(), mode, addresses)
    found = everything(other.build(), mode, addresses)
    assert all(torch.equal(found[address], expected[address]) for address in addresses)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_a_value_is_gone_after_its_last_use(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    target = data.draw(st.sampled_from(addresses))
    steps = graph.plan(target, mode=mode).steps
    last = {slot: i for i, step in enumerate(steps) for slot in step.releases}
    alive, index = {}, 0

    def before(path, inputs):
        for slot, value in alive.items():
            assert (value() is not None) or str(slot) != target
            if slot in last and last[slot] < index:
                assert value() is None, f"{slot} is alive before {path}"

    def after(path, outputs):
        nonlocal index
        for port, value in outputs.items():
            slot = next((s for _, s in steps[index].keeps if s.port == port), None)
            if slot is not None:
                alive[slot] = weakref.ref(value)
        index += 1

    with torch.no_grad(), graph.add_hook(before, "before"), graph.add_hook(after, "after"):
        result = graph.run(batch(), until=target, mode=mode, seed=SEED)
    survivors = [slot for slot, value in alive.items() if value() is not None]
    assert all(str(slot) == target or slot.path == target for slot in survivors), result


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_a_session_gives_what_a_fresh_run_gives_after_any_overrides(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    session = graph.session(batch(), mode=mode, seed=SEED)
    overrides = {}
    for _ in range(data.draw(st.integers(1, 6))):
        address = data.draw(st.sampled_from(addresses))
        action = data.draw(st.sampled_from(["get", "set", "delete"]))
        if action == "set":
            value = torch.full((2, 3), float(data.draw(st.integers(-3, 3))))
            session[address] = overrides[address] = value
        elif action == "delete" and address in overrides:
            del session[address]
            del overrides[address]
        else:
            assert session[address] is session[address]
            assert address in session
        fresh = graph.run(batch(), until=addresses, feeds=overrides, mode=mode, seed=SEED)
        assert all(torch.equal(session[a], fresh[a]) for a in addresses if a in session)


@given(drawn=random_graphs(), data=st.data())
def test_a_subgraph_computes_what_the_whole_computes(drawn, data):
    graph, addresses = drawn.build(), drawn.outputs["inference"]
    if not addresses:
        return
    target = data.draw(st.sampled_from(addresses))
    feeds = data.draw(st.lists(st.sampled_from(addresses), max_size=2, unique=True))
    values = everything(graph, "inference", addresses)
    part = graph.subgraph(until=target, feeds=feeds)
    given_values = {address: values[address] for address in feeds}
    if "x" in part.plan().inputs:
        given_values["x"] = batch()
    found = (
        part.run(given_values, seed=SEED) if len(given_values) != 1 else _single(part, given_values)
    )
    assert torch.equal(found, values[target])
    assert set(part.nodes()) == drawn.ancestors("inference", [target], feeds)


def _single(part: Graph, given_values):
    return part.run(next(iter(given_values.values())), seed=SEED)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_nodes_are_found_by_any_end_of_their_path_that_is_unique(drawn, mode, data):
    graph = drawn.build()
    for path in drawn.wires[mode]:
        short = path.rpartition(".")[2]
        assert graph.plan(short, mode=mode).targets[0].endpoint.slots[0].path == path
        assert node_of(path) == path
