"""Sessions: lazy, memoised, with values replaced and taken back."""

import pytest
import torch

from composer import ExecutionError, Graph, NameResolutionError
from sample_nodes import NODES, Halves

NODES_OF_SPEC = {
    "a": {"uses": "shift", "inputs": {"x": "x"}},
    "s": {"uses": "split", "inputs": {"x": "a"}},
    "b": {"uses": "add", "inputs": {"a": "s.low", "b": "s.high"}},
    "n": {"uses": "noise", "inputs": {"x": "b"}},
    "t": {"uses": "scale", "when": "training", "inputs": {"x": "n"}},
}
X = torch.tensor([-3.0, 4.0])


@pytest.fixture
def graph():
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": NODES_OF_SPEC}
    return Graph.from_spec(document, nodes=NODES)


@pytest.fixture
def ran(graph):
    paths = []
    graph.add_hook(lambda path, _: paths.append(path), "before")
    return paths


def test_nothing_runs_before_it_is_asked_for_and_nothing_twice(graph, ran):
    session = graph.session(X)
    assert ran == []
    session["s"]
    session["b"]
    session["a"]
    assert ran == ["a", "s", "b"]
    assert session.computed == ("a", "s", "b")


def test_a_replaced_value_makes_only_its_descendants_stale(graph, ran):
    session = graph.session(X, seed=1)
    session["n"]
    ran.clear()
    session["s.high"] = torch.ones(2)
    assert session.replaced == ("s.high",)
    assert "a" in session
    assert "s.low" in session
    assert "b" not in session
    assert torch.equal(session["b"], torch.tensor([-1.0, 1.0]))
    assert ran == ["b"]


def test_a_replaced_output_stays_when_its_node_runs_for_another(graph):
    session = graph.session(X)
    session["s.low"] = torch.ones(2)
    session["s.high"]
    assert torch.equal(session["s.low"], torch.ones(2))


def test_a_replacement_can_be_taken_back(graph, ran):
    session = graph.session(X, seed=1)
    before = session["n"]
    session["s"] = Halves(torch.ones(2), torch.ones(2))
    assert not torch.equal(session["n"], before)
    del session["s"]
    assert session.replaced == ()
    assert torch.equal(session["n"], before)
    with pytest.raises(KeyError, match="'s' was not replaced"):
        del session["s"]


def test_a_replacement_shields_what_is_below_it(graph, ran):
    session = graph.session(X)
    session["b"] = torch.zeros(2)
    below = session["n"]
    session["a"] = torch.ones(2)
    ran.clear()
    assert session["n"] is below
    assert ran == []


def test_inputs_can_be_replaced_too(graph):
    session = graph.session(X)
    session["a"]
    session["x"] = torch.zeros(2)
    assert torch.equal(session["a"], torch.ones(2))


def test_feeds_of_a_session_are_replacements(graph):
    session = graph.session(feeds={"a": X})
    assert session.replaced == ("a",)
    assert torch.equal(session["b"], X)


def test_a_mode_and_a_seed_hold_for_the_whole_session(graph):
    session = graph.session(X, mode="training", seed=4)
    assert torch.equal(session["t"], graph.run(X, until="t", mode="training", seed=4))
    with pytest.raises(NameResolutionError, match="in inference mode"):
        graph.session(X)["t"]


def test_what_was_computed_before_a_node_failed_is_kept():
    nodes = {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "f": {"uses": "fail", "inputs": {"x": "a"}},
    }
    graph = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=NODES)
    session = graph.session(X)
    with pytest.raises(ExecutionError):
        session["f"]
    assert session.computed == ("a",)


def test_a_session_tells_what_it_would_run(graph):
    session = graph.session(X)
    session["a"]
    assert session.plan("b").paths == ("s", "b")
    assert session.plan(["a", "n"]).paths == ("s", "b", "n")
    assert set(session) == {"x", "a"}


def test_taps_are_kept_until_their_node_is_stale():
    nodes = {
        "s": {"uses": "source", "inputs": {"x": "x"}},
        "l": {"uses": "linear", "inputs": {"x": "s"}},
    }
    graph = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=NODES)
    session = graph.session(torch.ones(1, 2))
    tapped = session["l:linear"]
    assert "l:linear" in session
    assert session["l:linear"] is tapped
    session["s"] = torch.zeros(1, 2)
    assert "l:linear" not in session
    assert torch.equal(session["l:linear"], graph.get_submodule("l").linear.bias[None])


def whole(batch: object) -> int:
    return len(batch)


def part(sizes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sizes


@pytest.fixture
def parts():
    nodes = {
        "whole": {"uses": "whole", "inputs": {"batch": "batch"}},
        "part": {"uses": "part", "inputs": {"sizes": "batch.output_sizes"}},
    }
    document = {"composer": 1, "inputs": {"batch": "ImageBatch"}, "nodes": nodes}
    return Graph.from_spec(document, nodes={"whole": whole, "part": part})


RECORDS = [{"image": torch.zeros(3, 4, 5)}]
OTHER = [{"image": torch.zeros(3, 6, 7)}, {"image": torch.zeros(3, 8, 9)}]


def test_parts_of_an_input_are_read_after_the_whole_was(parts):
    session = parts.session(RECORDS)
    assert session["whole"] == 1
    assert session["part"] == [(4, 5)]


def test_parts_of_an_input_that_is_replaced_are_those_of_the_replacement(parts):
    session = parts.session(RECORDS)
    session["part"]
    session["batch"] = OTHER
    assert session["part"] == [(6, 7), (8, 9)]
    assert session["whole"] == 2


def test_an_input_can_be_fed_instead_of_given(parts):
    assert parts.run(until="part", feeds={"batch": OTHER}) == [(6, 7), (8, 9)]
    assert parts.run(until="part", feeds={"batch.output_sizes": [(1, 1)]}) == [(1, 1)]


def test_a_subgraph_may_begin_at_an_input_or_a_part_of_it(parts):
    assert parts.subgraph(until="part", feeds=["batch"])(RECORDS) == [(4, 5)]
    assert parts.subgraph(until="part", feeds=["output_sizes"])([(1, 2)]) == [(1, 2)]


def test_records_are_checked_however_they_come(parts):
    with pytest.raises(Exception, match="input 'batch'"):
        parts.run([{"picture": 1}], until="part")
    with pytest.raises(Exception, match="input 'batch'"):
        parts.run(until="part", feeds={"batch": [{"picture": 1}]})


def test_a_session_is_shown_in_a_line_and_as_a_drawing_with_its_values(graph):
    session = graph.session(X, seed=1)
    assert "inference: 0 of 4 nodes computed)" in repr(session)
    session["b"]
    session["s.low"] = torch.zeros(2)
    session.edit("b", lambda value: value * 2)
    session["b"]
    shown = repr(session)
    assert "3 of 4 nodes computed; replaced: s.low; edited: b" in shown
    html = session._repr_html_()
    assert "data:image/svg+xml;base64," in html
    for cell in ("s.low", "replaced", "edited", "2 float32"):
        assert f">{cell}</td>" in html
