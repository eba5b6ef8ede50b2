"""Gradients at names: of a number with respect to any value or tap of a session."""

import threading

import pytest
import torch

from composer import Graph, InputError, NameResolutionError
from sample_nodes import NODES, Rows


def cut(x: Rows) -> Rows:
    """Gives on what it gets, without gradients."""
    return x.detach() * 2.0


def pick(a: Rows, b: Rows) -> Rows:
    """Takes the one with the larger sum."""
    return (a if a.sum() > b.sum() else b) * 3.0


class Changing(torch.nn.Module):
    """Changes the output of a module in place, and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 2)
        self.unused = torch.nn.Linear(2, 2)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Rows) -> Rows:
        self.calls += 1
        return self.inner(x).relu_()


KNOWN = {**NODES, "cut": cut, "pick": pick, "changing": Changing}
NODES_OF_SPEC = {
    "source": {"uses": "source", "inputs": {"x": "x"}},
    "first": {"uses": "linear", "inputs": {"x": "source"}},
    "aside": {"uses": "linear", "inputs": {"x": "source"}},
    "changing": {"uses": "changing", "inputs": {"x": "first"}},
    "second": {"uses": "scale", "inputs": {"x": "changing"}},
    "maps": {"uses": "features", "inputs": {"x": "second"}},
    "cut": {"uses": "cut", "inputs": {"x": "first"}},
    "beside": {"uses": "scale", "inputs": {"x": "cut"}},
    "pick": {"uses": "pick", "inputs": {"a": "first", "b": "aside"}},
    "halves": {"uses": "split", "inputs": {"x": "first"}},
    "noise": {"uses": "noise", "inputs": {"x": "first"}},
    "loss": {"uses": "losses", "inputs": {"x": "second"}, "when": "training"},
}
X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]])


@pytest.fixture
def graph():
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": NODES_OF_SPEC}
    return Graph.from_spec(document, nodes=KNOWN, seed=3)


@pytest.fixture
def session(graph):
    return graph.session(X, seed=1)


def by_hand(graph, x):
    """The value of `second` and `first`, computed by the modules alone."""
    first = graph.module("first")(x)
    inner = graph.module("changing").inner(first)
    return graph.module("second")(inner.relu()), inner, first


def test_a_gradient_is_that_of_autograd(graph, session):
    x = X.clone().requires_grad_()
    second, inner, first = by_hand(graph, x)
    wanted = torch.autograd.grad(second[1, 0], [x, inner, first], retain_graph=True)
    found = session.gradient("second[1, 0]", ["source", "changing:inner", "first"])
    assert list(found) == ["source", "changing:inner", "first"]
    for one, expected in zip(found.values(), wanted, strict=True):
        assert torch.allclose(one, expected)
        assert not one.requires_grad


def test_a_tap_alone_and_a_part_of_a_value_have_gradients(graph, session):
    second, inner, _ = by_hand(graph, X)
    (wanted,) = torch.autograd.grad(second.sum(), [inner], retain_graph=True)
    assert torch.equal(session.gradient("second.sum()", "changing:inner"), wanted)
    assert torch.equal(session.gradient("second.sum()", "changing:inner[0]"), wanted[0])
    assert torch.equal(
        session.gradient("changing:inner[0, 1]", "changing:inner")[0, 1], X.new_tensor(1.0)
    )
    assert session.gradient("maps.p2[0, 0]", "maps.p2").sum() == 1
    assert session.gradient("second[0, 0]", "second")[0].tolist() == [1.0, 0.0]


def test_nothing_is_left_behind(graph, session):
    graph.module("first").requires_grad_(False)
    kept = session["first"], session["second"]
    flags = {name: parameter.requires_grad for name, parameter in graph.named_parameters()}
    session.gradient("second[0, 0]", ["first", "changing:inner"])
    assert session["first"] is kept[0]
    assert session["second"] is kept[1]
    assert {n: p.requires_grad for n, p in graph.named_parameters()} == flags
    assert all(parameter.grad is None for parameter in graph.parameters())
    assert not graph.module("changing").inner._forward_hooks


@pytest.mark.parametrize("outside", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_it_does_not_matter_whether_gradients_are_on(graph, outside):
    expected = graph.session(X).gradient("second[1, 0]", ["source", "changing:inner"])
    with outside():
        session = graph.session(X.clone())
        session["first"]
        found = session.gradient("second[1, 0]", ["source", "changing:inner"])
    for name, value in expected.items():
        assert torch.equal(found[name], value)


def test_a_graph_that_was_built_in_inference_mode_has_gradients():
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": NODES_OF_SPEC}
    with torch.inference_mode():
        graph = Graph.from_spec(document, nodes=KNOWN, seed=3)
        assert graph.session(X).gradient("second.sum()", "first").abs().sum() > 0


def test_a_frozen_graph_has_gradients(graph):
    expected = graph.session(X).gradient("second.sum()", "source")
    graph.requires_grad_(False)
    assert torch.equal(graph.session(X).gradient("second.sum()", "source"), expected)


def test_only_what_lies_between_runs_again(graph):
    ran = []
    graph.add_hook(lambda path, _: ran.append(path), "before")
    session = graph.session(X)
    session["second"]
    ran.clear()
    session.gradient("second[0, 0]", "first")
    assert ran == ["changing", "second"]
    plan = session.plan("second[0, 0]", at="first")
    assert plan.paths == ("changing", "second")
    assert "with gradients from: first" in str(plan)


def test_replaced_values_count(graph, session):
    session["first"] = torch.tensor([[5.0, -5.0]])
    assert session.gradient("second.sum()", "first").shape == (1, 2)
    with pytest.raises(InputError, match=r"'second.sum\(\)' does not depend on 'source'"):
        session.gradient("second.sum()", "source")


def test_losses_of_training_have_gradients_and_leave_statistics(graph):
    session = graph.session(X, mode="training", seed=1)
    session["loss"]
    calls = graph.module("changing").calls.clone()
    graph.train()
    found = session.gradient("loss.loss", ["source", "second"])
    assert torch.allclose(found["second"], 2 * session["second"] / session["second"].numel())
    assert graph.module("changing").calls == calls


def test_noise_is_that_of_the_session(graph, session):
    noisy = session["noise"]
    assert torch.equal(session["noise"], noisy)
    part = session.differentiable("noise[0, 0]", "first")
    assert part.run().scalar.item() == noisy[0, 0].item()


def test_a_number_that_does_not_depend_on_a_value_is_refused(session):
    with pytest.raises(InputError, match=r"'first.0, 0.' does not depend on 'second'; .*source"):
        session.gradient("first[0, 0]", "second")
    with pytest.raises(InputError, match=r"'second.sum..' does not depend on 'aside'"):
        session.gradient("second.sum()", ["first", "aside"])


def test_the_node_that_cuts_a_path_is_named(session):
    message = r"'beside\[0, 0\]' has no gradient at 'first': the path is cut at 'cut' \(.*\)"
    with pytest.raises(InputError, match=message):
        session.gradient("beside[0, 0]", "first")
    with pytest.raises(InputError, match="cut at 'cut'"):
        session.gradient("beside[0, 0]", ["first", "beside"])


def test_what_does_not_matter_in_this_run_has_the_gradient_zero(session):
    found = session.gradient("pick.sum()", ["first", "aside"])
    chosen = "first" if session["first"].sum() > session["aside"].sum() else "aside"
    assert {name for name, value in found.items() if value.abs().sum() > 0} == {chosen}
    for value in found.values():
        assert value.shape == (3, 2)


@pytest.mark.parametrize(
    ("of", "at", "message"),
    [
        ("secnd[0]", "first", "Did you mean 'second'"),
        ("second[0, 0]", "frst", "Did you mean 'first'"),
        ("second[9, 0]", "first", "has 3 entries, from 0 to 2"),
        ("second", "first", "not one number"),
        ("second[0, 0]", "changing:iner", "no module 'iner' inside. Did you mean 'inner'"),
        ("second[0, 0]", "changing:unused", "'changing:unused' was not called in this run"),
        ("second[0, 0]", [], "no node is named"),
        ("second[0, 0]", 3, "texts, not int"),
        (3, "first", "is named by a text"),
    ],
)
def test_mistakes_are_explained(session, of, at, message):
    with pytest.raises((InputError, NameResolutionError), match=message):
        session.gradient(of, at)


def test_values_without_numbers_are_refused(graph):
    session = graph.session(torch.tensor([[1, 2]]))
    with pytest.raises(InputError, match="'x' is 1x2 int64, without floating-point numbers"):
        session.gradient("second[0, 0]", "x")


def test_other_threads_run_the_graph_at_the_same_time(graph):
    expected = graph.session(X).gradient("second.sum()", "changing:inner")
    stop = threading.Event()
    failures = []

    def run_on():
        while not stop.is_set():
            out = graph.run(X, until="second")
            if not out.requires_grad:
                failures.append("weights without gradients")

    thread = threading.Thread(target=run_on)
    thread.start()
    try:
        for _ in range(20):
            assert torch.equal(
                graph.session(X).gradient("second.sum()", "changing:inner"), expected
            )
    finally:
        stop.set()
        thread.join()
    assert failures == []


def test_a_module_that_cannot_be_copied_is_called_itself(graph, monkeypatch):
    def refuse(_module, _memo):
        raise TypeError("no copies")

    expected = graph.session(X).gradient("second.sum()", "changing:inner")
    monkeypatch.setattr(Changing, "__deepcopy__", refuse, raising=False)
    found = graph.session(X).gradient("second.sum()", "changing:inner")
    assert torch.equal(found, expected)
    assert all(parameter.grad is None for parameter in graph.parameters())
    assert not graph.module("changing").inner._forward_hooks


def test_edits_count_and_gradients_flow_through_them(graph):
    plain = graph.session(X).gradient("second.sum()", "source")
    session = graph.session(X)
    session.edit("changing", lambda value: value * 3.0)
    assert torch.allclose(session.gradient("second.sum()", "source"), plain * 3)
    assert session.gradient("second.sum()", "changing").equal(torch.full((3, 2), 2.0))
    session.edit("changing", torch.zeros_like)
    found = session.gradient("second.sum()", ["source", "changing"])
    assert found["source"].abs().sum() == 0
    session.undo("changing")
    assert torch.allclose(session.gradient("second.sum()", "source"), plain)


def test_values_that_are_held_have_no_gradients_above_them(graph):
    session = graph.session(X)
    held = session.holding(["changing", "halves"])
    assert held.replaced == ("changing", "halves.low")
    assert torch.equal(held["second"], session["second"])
    assert session.replaced == ()
    with pytest.raises(InputError, match="does not depend on 'source'"):
        held.gradient("second.sum()", "source")
