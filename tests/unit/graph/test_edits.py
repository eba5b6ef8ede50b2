"""Edits: functions that change values of a run right after they were computed."""

import asyncio
import copy
import pickle
import threading

import pytest
import torch

from composer import ExecutionError, Graph, InputError, NameResolutionError, inside
from composer.structures import Boxes, Features
from sample_nodes import NODES

SPEC = {
    "a": {"uses": "shift", "inputs": {"x": "x"}},
    "s": {"uses": "split", "inputs": {"x": "a"}},
    "b": {"uses": "add", "inputs": {"a": "s.low", "b": "s.high"}},
    "n": {"uses": "noise", "inputs": {"x": "b"}},
    "t": {"uses": "scale", "when": "training", "inputs": {"x": "n"}},
}
X = torch.tensor([-3.0, 4.0])


def build(nodes):
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}
    return Graph.from_spec(document, nodes=NODES)


@pytest.fixture
def graph():
    return build(SPEC)


def double(value):
    return value * 2


def test_an_edit_changes_what_follows_and_nothing_before(graph):
    found = graph.run(X, until=["a", "b"], edits={"s.high": double})
    assert torch.equal(found["a"], torch.tensor([-2.0, 5.0]))
    assert torch.equal(found["b"], torch.tensor([-2.0, 10.0]))


def test_an_edited_value_is_what_is_asked_for(graph):
    assert torch.equal(graph.run(X, until="a", edits={"a": double}), torch.tensor([-4.0, 10.0]))


def test_a_node_means_its_first_port(graph):
    found = graph.run(X, until=["s.low", "s.high"], edits={"s": double})
    assert torch.equal(found["s.low"], torch.tensor([-4.0, 0.0]))
    assert torch.equal(found["s.high"], torch.tensor([0.0, 5.0]))


def test_an_input_is_edited_when_it_is_read(graph):
    assert torch.equal(graph.run(X, until="a", edits={"x": double}), torch.tensor([-5.0, 9.0]))


def test_a_fed_value_is_not_edited(graph):
    with graph.editing({"a": double}):
        assert torch.equal(graph.run(feeds={"a": X}, until="b"), X)
        assert "edits" not in str(graph.plan("b", feeds=["a"]))
        first = graph.run(X, until="a")
        assert torch.equal(graph.run(feeds={"a": first}, until="b"), graph.run(X, until="b"))
    with pytest.raises(InputError, match="'a' is given and edited"):
        graph.run(feeds={"a": X}, until="b", edits={"a": double})
    with pytest.raises(InputError, match="'a' is given and edited"):
        graph.session(feeds={"a": X}, edits={"a": double})


def test_what_is_not_needed_is_not_edited(graph):
    calls = []
    edits = {"a": calls.append, "n": calls.append}
    assert torch.equal(
        graph.run(X, until="b", feeds={"s": {"low": X, "high": X}}, edits=edits), X * 2
    )
    assert calls == []


def test_a_plan_shows_edits_and_those_that_do_nothing(graph):
    plan = graph.plan("b", edits=["s.high", "n"])
    assert "  edits: s.high, n (not needed)" in str(plan)
    assert "edits" not in str(graph.plan("b"))
    with pytest.raises(InputError, match=r"made for edits of s\.high, n; edited are: nothing"):
        graph.run(X, until=plan)


@pytest.mark.parametrize("name", ["a", "x"])
def test_a_function_that_changes_its_argument_in_place_changes_a_copy(graph, name):
    session = graph.session(X)
    before = session[name].clone()
    kept = session[name]
    session.edit(name, lambda value: value.mul_(7))
    assert torch.equal(session[name], before * 7)
    assert torch.equal(kept, before)
    session.undo(name)
    assert session[name] is kept
    assert torch.equal(X, torch.tensor([-3.0, 4.0]))


def test_a_function_that_changes_structures_in_place_changes_copies():
    graph = build(
        {
            "b": {"uses": "boxes", "inputs": {"x": "x"}},
            "c": {"uses": "count", "inputs": {"boxes": "b"}},
        }
    )

    def add_box(boxes):
        boxes[0].tensor += 1
        boxes.append(Boxes(torch.ones(2, 4)))
        return boxes

    session = graph.session(X)
    before = session["b"]
    session.edit("b", add_box)
    assert session["c"] == 3
    assert len(before) == 1
    assert before[0].tensor.sum() == 0


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda value: 3,
            r"'a' \('shift'\) failed: 'a' is Tensor; a value of type int \(3\)",
        ),
        (lambda value: 1 if value else 0, "RuntimeError: Boolean value"),
        (lambda value: None, "it returned nothing; return the value, which may be the one given"),
        (lambda: None, "the edit of 'a' .* failed: TypeError"),
    ],
)
def test_an_edit_that_fails_or_gives_something_else_names_node_and_types(graph, edit, message):
    session = graph.session(X)
    session.edit("a", edit)
    for request in (lambda: graph.run(X, until="b", edits={"a": edit}), lambda: session["b"]):
        with pytest.raises(ExecutionError, match=message) as failure:
            request()
        assert failure.value.path == "a"
    session.undo("a")
    assert torch.equal(session["b"], torch.tensor([-2.0, 5.0]))


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"bb": double}, "there is no node, port or input 'bb'.* Did you mean 'b'?"),
        ({"b:x": double}, "a tap can be read, not replaced"),
        ({"a": 0}, "is of type int, and not a function of the value; .*feed it"),
        ({0: double}, "nodes and ports are named by texts, not int 0"),
        (double, "edits are functions by the name of a node or port, not function"),
    ],
)
def test_mistaken_edits_are_refused(graph, edits, message):
    for call in (graph.run, graph.session, lambda edits: graph.editing(edits)):
        with pytest.raises((InputError, NameResolutionError), match=message):
            call(edits=edits)


def test_an_edit_of_another_mode_is_refused(graph):
    with pytest.raises(NameResolutionError, match="in inference mode"):
        graph.run(X, until="b", edits={"t": double})


def test_a_session_keeps_what_is_above_and_forgets_what_is_below(graph):
    ran = []
    graph.add_hook(lambda path, _: ran.append(path), "before")
    session = graph.session(X, seed=1)
    before = session["n"]
    ran.clear()
    undone = session.edit("s.high", double)
    assert session.edited == ("s.high",)
    assert session.computed == ("a", "s")
    assert session.plan("n").paths == ("b", "n")
    assert "  edits: s.high" in str(session.plan("n")).splitlines()
    assert torch.equal(session["b"], torch.tensor([-2.0, 10.0]))
    assert ran == ["b"]
    undone.undo()
    assert session.edited == ()
    assert torch.equal(session["n"], before)
    assert ran == ["b", "b", "n"]


def test_a_second_edit_replaces_the_first_and_outlives_its_handle(graph):
    session = graph.session(X)
    first = session.edit("a", double)
    session.edit("a", lambda value: value * 3)
    first.undo()
    assert torch.equal(session["a"], torch.tensor([-6.0, 15.0]))
    session.undo("a")
    with pytest.raises(KeyError, match="'a' was not edited"):
        session.undo("a")
    with session.edit("a", double):
        assert torch.equal(session["a"], torch.tensor([-4.0, 10.0]))
    assert torch.equal(session["a"], torch.tensor([-2.0, 5.0]))


def test_an_edit_given_again_is_applied_again(graph):
    layer = torch.nn.Linear(2, 2, bias=False)
    session = graph.session(X)
    for factor in (1.0, 3.0):
        with torch.no_grad():
            layer.weight.copy_(torch.eye(2) * factor)
        session.edit("a", layer)
        assert torch.equal(session["a"], torch.tensor([-2.0, 5.0]) * factor)


def test_a_replacement_stands_in_for_an_edited_value(graph):
    session = graph.session(X, edits={"a": double})
    session["b"]
    session["a"] = torch.ones(2)
    assert torch.equal(session["b"], torch.ones(2))
    assert (session.replaced, session.edited) == (("a",), ("a",))
    with pytest.raises(InputError, match="'a' is given and edited"):
        session.edit("a", double)
    del session["a"]
    assert torch.equal(session["b"], torch.tensor([-4.0, 10.0]))
    session["a"] = session["a"]
    assert torch.equal(session["b"], torch.tensor([-4.0, 10.0]))


def test_an_edit_may_read_what_its_session_has_and_nothing_else(graph):
    session = graph.session(X)
    session["a"]
    session.edit("s.high", lambda value: value + session["a"])
    assert torch.equal(session["b"], torch.tensor([-4.0, 10.0]))
    session.edit("s.high", lambda value: session["n"])
    with pytest.raises(ExecutionError, match="asks its own session for 'n', which is not computed"):
        session["b"]


def test_edits_of_a_block_hold_in_it_and_add_up(graph):
    with graph.editing({"a": double}):
        assert torch.equal(graph.run(X, until="b"), torch.tensor([-4.0, 10.0]))
        with graph.editing({"a": lambda value: value + 1}):
            assert torch.equal(graph.run(X, until="b"), torch.tensor([-3.0, 11.0]))
            found = graph.run(X, until="b", edits={"a": lambda value: value * 10})
            assert torch.equal(found, torch.tensor([-30.0, 110.0]))
        assert "edits: a" in str(graph.plan("b"))
    assert torch.equal(graph.run(X, until="b"), torch.tensor([-2.0, 5.0]))


def test_a_block_can_be_used_again_and_within_itself(graph):
    block = graph.editing({"a": double})
    for _ in range(2):
        with block:
            assert torch.equal(graph.run(X, until="a"), torch.tensor([-4.0, 10.0]))
            with block:
                assert torch.equal(graph.run(X, until="a"), torch.tensor([-8.0, 20.0]))
        assert torch.equal(graph.run(X, until="a"), torch.tensor([-2.0, 5.0]))


def test_edits_of_a_block_hold_in_sessions_while_it_runs(graph):
    session = graph.session(X)
    before = session["b"]
    with graph.editing({"a": double}):
        assert torch.equal(session["b"], torch.tensor([-4.0, 10.0]))
    assert torch.equal(session["b"], before)


def test_edits_of_a_block_end_with_an_error_and_with_a_generator(graph):
    def edit_in_turn():
        with graph.editing({"a": double}):
            yield

    first, second = edit_in_turn(), edit_in_turn()
    next(first), next(second)
    first.close()
    assert torch.equal(graph.run(X, until="a"), torch.tensor([-4.0, 10.0]))
    second.close()
    with pytest.raises(ZeroDivisionError), graph.editing({"a": double}):
        raise ZeroDivisionError
    assert torch.equal(graph.run(X, until="a"), torch.tensor([-2.0, 5.0]))


def test_edits_of_a_block_hold_in_its_thread_only(graph):
    found = {}

    def run(name):
        found[name] = graph.run(X, until="a")

    with graph.editing({"a": double}):
        thread = threading.Thread(target=run, args=["other"])
        thread.start()
        thread.join()
        run("own")
    assert torch.equal(found["other"], torch.tensor([-2.0, 5.0]))
    assert torch.equal(found["own"], torch.tensor([-4.0, 10.0]))


def test_edits_of_a_block_hold_in_its_task_only(graph):
    async def run_edited(factor):
        with graph.editing({"a": lambda value: value * factor}):
            await asyncio.sleep(0)
            found = graph.run(X, until="a")
            await asyncio.sleep(0)
        return found

    async def run_all():
        return await asyncio.gather(*[run_edited(factor) for factor in (1, 2, 3)])

    for factor, found in enumerate(asyncio.run(run_all()), 1):
        assert torch.equal(found, torch.tensor([-2.0, 5.0]) * factor)


def test_a_task_that_outlives_a_block_loses_its_edits(graph):
    async def run_late():
        await asyncio.sleep(0.001)
        return graph.run(X, until="a")

    async def begin():
        with graph.editing({"a": double}):
            task = asyncio.create_task(run_late())
        return await task

    assert torch.equal(asyncio.run(begin()), torch.tensor([-2.0, 5.0]))


def test_edits_of_a_block_do_not_hold_for_runs_of_an_edit(graph):
    def subtract_plain(value):
        return value - graph.run(X, until="a")

    with graph.editing({"a": subtract_plain}):
        assert torch.equal(graph.run(X, until="a"), torch.zeros(2))


def test_edits_of_a_block_apply_in_the_mode_that_has_their_node(graph):
    with graph.editing({"t": double, "a": double}):
        assert torch.equal(graph.run(X, until="a"), torch.tensor([-4.0, 10.0]))
        trained = graph.run(X, until=["n", "t"], mode="training", seed=0)
    assert torch.equal(trained["t"], trained["n"] * 4)


def test_an_export_is_refused_where_edits_hold(graph, tmp_path):
    with graph.editing({"a": double}), pytest.raises(InputError, match="an export has none of"):
        graph.export(tmp_path / "x.pt2", until="a", inputs=X)


def test_other_graphs_are_not_edited(graph):
    with graph.editing({"a": double}):
        for other in (copy.deepcopy(graph), graph.subgraph(until="a")):
            assert torch.equal(other.run(X, until="a"), torch.tensor([-2.0, 5.0]))
        assert pickle.loads(pickle.dumps(graph._execution.editing)).num_open == 0


def test_an_edit_draws_from_the_seed_of_the_run(graph):
    def jitter(value, generator):
        return value + torch.rand(value.shape, generator=generator)

    runs = [graph.run(X, until="a", edits={"a": jitter}, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    session = graph.session(X, seed=1, edits={"a": jitter})
    assert torch.equal(session["a"], runs[0])
    torch.manual_seed(5)
    drawn = [graph.run(X, until="a", edits={"a": jitter}) for _ in range(2)]
    assert not torch.equal(*drawn)
    torch.manual_seed(5)
    assert torch.equal(graph.run(X, until="a", edits={"a": jitter}), drawn[0])


def test_gradients_flow_through_an_edit_to_its_own_weights(graph):
    layer = torch.nn.Linear(2, 2)
    x = X.clone().requires_grad_()
    graph.run(x, until="b", edits={"a": layer}).sum().backward()
    assert layer.weight.grad is not None
    assert x.grad is not None


def test_hooks_see_the_edited_value_and_taps_what_their_module_gave():
    graph = build(
        {
            "s": {"uses": "source", "inputs": {"x": "x"}},
            "l": {"uses": "linear", "inputs": {"x": "s"}},
        }
    )
    seen = {}
    graph.add_hook(lambda path, values: seen.update({path: values}), "after")
    found = graph.run(torch.ones(1, 2), until=["l", "l:linear"], edits={"l": double})
    assert torch.equal(seen["l"]["output"], found["l"])
    assert torch.equal(found["l"], found["l:linear"] * 2)


def test_hooks_see_edits_of_ports_that_nothing_else_needs(graph):
    seen = {}
    with graph.add_hook(lambda _, values: seen.update(values), "after", "s"):
        graph.run(X, until="s.low", edits={"s.high": double})
    assert torch.equal(seen["high"], torch.tensor([0.0, 10.0]))


def test_one_map_of_several_is_edited_by_its_name():
    graph = build({"f": {"uses": "features", "inputs": {"x": "x"}}})
    x = torch.ones(1, 2, 3, 3)
    session = graph.session(x)
    before = session["f"]
    session.edit("f.p2", double)
    assert torch.equal(session["f"]["p2"], x * 2)
    assert torch.equal(before["p2"], x)
    assert session.edited == ("f.p2",)
    session.undo("f")
    assert session["f"] is before
    with pytest.raises(ExecutionError, match=r"'f' has no 'p3'. .*p2"):
        graph.run(x, until="f", edits={"f.p3": double})
    with pytest.raises(
        ExecutionError, match=r"'f.p2' is .*; a value of type int \(3\) cannot be it"
    ):
        graph.run(x, until="f", edits={"f.p2": lambda value: 3})


def test_profile_and_costs_take_edits(graph):
    assert torch.equal(
        graph.profile(X, until="a", edits={"a": double}).result, torch.tensor([-4.0, 10.0])
    )
    assert torch.equal(
        graph.costs(X, until="a", edits={"a": double}).result, torch.tensor([-4.0, 10.0])
    )


def test_a_node_that_fails_below_an_edit_names_it_and_shows_every_map():
    nodes = {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "pair": {"uses": "pair_of_maps", "inputs": {"x": "a"}},
        "b": {"uses": "join_maps", "inputs": {"maps": "pair"}},
        "c": {"uses": "shift", "inputs": {"x": "x"}},
    }
    known = {**NODES, "pair_of_maps": pair_of_maps, "join_maps": join_maps}
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}
    graph = Graph.from_spec(document, nodes=known)
    edits = {"pair.p3": lambda value: value[:1].double(), "c": double}
    session = graph.session(X, edits=edits)
    for request in (lambda: graph.run(X, until="b", edits=edits), lambda: session["b"]):
        with pytest.raises(ExecutionError) as failure:
            request()
        lines = str(failure.value).splitlines()
        assert lines[2:] == [
            "    maps: p2: 2 float32, p3: 1 float64",
            "  Edited above it: pair",
        ]
    with pytest.raises(ExecutionError, match=r"p3: 1 float64$"):  # without edits, no such line
        graph.run(feeds={"pair": {"p2": X, "p3": X[:1].double()}}, until="b")


def pair_of_maps(x: torch.Tensor) -> Features:
    """Two maps."""
    return {"p2": x, "p3": x}


def join_maps(maps: Features) -> torch.Tensor:
    """Joins maps of one kind."""
    return torch.linalg.vecdot(*maps.values())


def test_an_edit_of_a_session_says_what_it_edits(graph):
    session = graph.session(X)
    handle = session.edit("s.low", double)
    assert repr(handle) == "SessionEdit(s.low)"
    with pytest.raises(KeyError, match=r"'a' was not edited; edited: s\.low"):
        session.undo("a")


def test_values_of_inference_mode_are_given_where_gradients_are_recorded():
    nodes = {
        "a": {"uses": "scale", "inputs": {"x": "x"}},
        "b": {"uses": "scale", "inputs": {"x": "a"}},
    }
    graph = build(nodes)
    with torch.inference_mode():
        begun = graph.session(X)
        given = begun["a"]
    assert graph.run(feeds={"a": given}, until="b").requires_grad
    assert begun["b"].requires_grad
    session = graph.session(X)
    session["a"] = given
    assert session["b"].requires_grad


def test_runs_within_an_edit_are_not_watched(graph):
    seen = []
    with graph.add_hook(lambda path, _outputs: seen.append(path), "after", node="a"):
        edit = inside.mean(graph, [X, X + 1])
        graph.run(X, until="b", edits={"a": edit})
        assert seen == ["a"]
        graph.run(X, until="b", edits={"a": inside.patch(graph.session(X))})
    assert seen == ["a", "a"]
