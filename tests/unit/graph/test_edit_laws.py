"""The laws of edits, on random graphs."""

from unittest.mock import patch

import torch
from hypothesis import given
from hypothesis import strategies as st

from fake_engine import FakeEngine
from strategies.random_graphs import MODES, node_of, random_graphs

SEED = 7
modes = st.sampled_from(MODES)


def batch():
    return torch.arange(6.0).reshape(2, 3) - 2.5


def scaling(factor):
    return lambda value: value.mul_(factor)  # of a copy


def draw_edits(data, addresses):
    names = data.draw(st.lists(st.sampled_from(["x", *addresses]), max_size=3, unique=True))
    return {name: scaling(data.draw(st.sampled_from([-1.0, 0.0, 0.5, 3.0]))) for name in names}


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_an_edit_is_a_feed_of_what_the_edit_makes_of_the_value(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    name = data.draw(st.sampled_from(["x", *addresses]))
    target = data.draw(st.sampled_from(addresses))
    options = {"mode": mode, "seed": SEED}
    value = graph.run(batch(), until=name, **options)
    fed = graph.run(batch(), until=target, feeds={name: value * 3}, **options)
    edited = graph.run(batch(), until=target, edits={name: scaling(3)}, **options)
    assert torch.equal(edited, fed)
    with graph.editing({name: scaling(3)}):
        assert torch.equal(graph.run(batch(), until=target, **options), fed)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_an_edit_runs_the_same_nodes_and_is_called_where_it_is_needed(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    targets = data.draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=3, unique=True))
    fed = data.draw(st.lists(st.sampled_from(addresses), max_size=2, unique=True))
    called = []
    edits = {
        name: lambda value, name=name: called.append(name) or value
        for name in ["x", *addresses]
        if name not in fed
    }
    plan = graph.plan(targets, feeds=fed, mode=mode, edits=edits)
    seen = []
    feeds = {name: torch.ones(2, 3) for name in fed}
    options = {"until": targets, "feeds": feeds, "mode": mode, "seed": SEED}
    found = graph.run(batch(), edits=edits, **options)
    assert sorted(called) == sorted(map(str, plan.used_edits))
    with graph.add_hook(lambda path, _: seen.append(path), "after"):
        graph.run(batch(), edits=edits, **options)
    assert set(seen) == drawn.ancestors(mode, targets, fed)
    plain = graph.run(batch(), **options)
    assert all(torch.equal(found[name], plain[name]) for name in targets)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_a_session_equals_a_fresh_run_after_any_edits_and_replacements(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    session = graph.session(batch(), mode=mode, seed=SEED)
    feeds, edits = {}, {}
    actions = st.sampled_from(["get", "set", "delete", "edit", "undo"])
    for action in data.draw(st.lists(actions, max_size=10)):
        address = data.draw(st.sampled_from(addresses))
        if action == "set":
            value = torch.full((2, 3), float(data.draw(st.integers(-3, 3))))
            session[address] = feeds[address] = value
        elif action == "delete" and address in feeds:
            del session[address]
            del feeds[address]
        elif action == "edit" and address not in feeds:
            edits[address] = scaling(data.draw(st.sampled_from([-1.0, 0.5, 3.0])))
            session.edit(address, edits[address])
        elif action == "undo" and address in edits:
            session.undo(address)
            del edits[address]
        else:
            assert session[address] is session[address]
        computed = {name: edit for name, edit in edits.items() if name not in feeds}
        options = {"feeds": feeds, "edits": computed, "mode": mode, "seed": SEED}
        fresh = graph.run(batch(), until=addresses, **options)
        assert all(torch.equal(session[a], fresh[a]) for a in addresses if a in session)
    assert set(session.edited) == set(edits)


@given(drawn=random_graphs(), data=st.data())
def test_blocks_and_sessions_keep_apart_what_was_edited(drawn, data):
    graph, addresses = drawn.build(), drawn.outputs["inference"]
    if not addresses:
        return
    session = graph.session(batch(), mode="inference", seed=SEED)
    for _ in range(data.draw(st.integers(1, 4))):
        edits = draw_edits(data, addresses)
        options = {"edits": edits, "mode": "inference", "seed": SEED}
        target = data.draw(st.sampled_from(addresses))
        with graph.editing(edits):
            assert torch.equal(session[target], graph.run(batch(), until=target, seed=SEED))
        assert torch.equal(session[target], graph.run(batch(), until=target, seed=SEED))
        again = graph.session(batch(), **options)
        assert torch.equal(again[target], graph.run(batch(), until=target, **options))


@given(drawn=random_graphs(), data=st.data())
def test_engines_give_what_pytorch_gives_of_an_edited_graph(drawn, data):
    graph, addresses = drawn.build(), drawn.outputs["inference"]
    drawing = {p for p in map(node_of, addresses) if graph.blueprint.nodes[p].draws_in("inference")}
    taken = {path for path in map(node_of, addresses) if data.draw(st.booleans())} - drawing
    if not taken:
        return
    with patch("composer.graph.engine_graph.is_dense", lambda node: node.path in taken):
        fast = graph.accelerate(FakeEngine(), cache=False)
    targets = data.draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=3, unique=True))
    edits = draw_edits(data, addresses)
    options = {"until": targets, "edits": edits, "seed": SEED}
    found, expected = fast.run(batch(), **options), graph.run(batch(), **options)
    session = fast.session(batch(), mode="inference", seed=SEED, edits=edits)
    for name in targets:
        torch.testing.assert_close(found[name], expected[name])
        torch.testing.assert_close(session[name], expected[name])
