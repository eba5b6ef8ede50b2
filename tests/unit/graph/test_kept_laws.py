"""A run with a cache equals a fresh one, bit for bit: on random graphs, after random changes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.value_cache import ValueCache
from published_nodes import build, published_nodes
from strategies.random_graphs import MODES, random_graphs


@pytest.fixture(scope="module", autouse=True)
def _nodes(tmp_path_factory):
    with published_nodes(tmp_path_factory.mktemp("installed")):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all examples: values of one graph are found, and may be mistaken, in another."""
    return tmp_path_factory.mktemp("values")


def batch(start):
    return torch.arange(6.0).reshape(2, 3) - start


def change_weights(graph, way, number):
    """Changes weights, past the version counter too."""
    for parameter in graph.parameters():
        if way == "data":
            parameter.data = torch.full_like(parameter, number)
        elif way == "in place":
            parameter.data.mul_(number)
        else:
            with torch.no_grad():
                parameter.add_(number)


def equal(found, wanted):
    return found.dtype == wanted.dtype and torch.equal(found, wanted)


@given(drawn=random_graphs(), mode=st.sampled_from(MODES), data=st.data())
def test_a_kept_run_equals_a_fresh_one_after_any_changes(folder, drawn, mode, data):
    addresses = drawn.outputs[mode]
    if not addresses:
        return
    graph, cache = build(drawn.spec), ValueCache(folder)
    x = batch(2.5)
    for _ in range(data.draw(st.integers(1, 5))):
        action = data.draw(st.sampled_from(["run", "run", "feed", "weights", "input", "train"]))
        feeds = {}
        if action == "feed":
            fed = data.draw(st.lists(st.sampled_from(addresses), max_size=2, unique=True))
            feeds = {a: torch.full((2, 3), data.draw(st.sampled_from([0.0, 1.0]))) for a in fed}
        elif action == "weights":
            way = data.draw(st.sampled_from(["data", "in place", "counted"]))
            change_weights(graph, way, data.draw(st.sampled_from([0.5, 3.0])))
        elif action == "input":
            x = batch(data.draw(st.sampled_from([0.0, 2.5])))
        elif action == "train":
            graph.train(data.draw(st.booleans()))
        seed = data.draw(st.sampled_from([1, 2]))
        edited = data.draw(st.lists(st.sampled_from(addresses), max_size=1))
        options = {"feeds": feeds, "mode": mode, "seed": seed}
        options["edits"] = {a: lambda value: value * 2 + 1 for a in edited if a not in feeds}
        until = data.draw(st.lists(st.sampled_from(addresses), min_size=1, unique=True))
        with torch.set_grad_enabled(data.draw(st.booleans())):
            wanted = graph.run(x, until=until, **options)
            found = graph.run(x, until=until, cache=cache, **options)
        assert all(equal(found[a].detach(), wanted[a].detach()) for a in until), (found, wanted)
        assert all(found[a].requires_grad == wanted[a].requires_grad for a in until) or (
            mode == "inference"
        )
    assert mode == "training" or not graph.unkept


@given(drawn=random_graphs(), data=st.data())
def test_a_kept_session_equals_a_fresh_run_after_any_overrides(folder, drawn, data):
    graph, addresses = build(drawn.spec), drawn.outputs["inference"]
    if not addresses:
        return
    session = graph.session(batch(2.5), seed=7, cache=folder)
    overrides, edits = {}, {}
    for _ in range(data.draw(st.integers(1, 6))):
        address = data.draw(st.sampled_from(addresses))
        action = data.draw(st.sampled_from(["get", "get", "set", "delete", "edit", "undo"]))
        if action == "set" and address not in edits:
            value = torch.full((2, 3), float(data.draw(st.integers(-1, 1))))
            session[address] = overrides[address] = value
        elif action == "edit" and address not in overrides:
            session.edit(address, lambda value: value * 2 + 1)
            edits[address] = lambda value: value * 2 + 1
        elif action == "undo" and address in edits:
            session.undo(address)
            del edits[address]
        elif action == "delete" and address in overrides:
            del session[address]
            del overrides[address]
        else:
            assert session[address] is session[address]
        fresh = graph.run(batch(2.5), until=addresses, feeds=overrides, edits=edits, seed=7)
        assert all(torch.equal(session[a], fresh[a]) for a in addresses if a in session)
