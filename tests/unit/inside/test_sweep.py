"""Sweeps: an edit at each of many places, a score for each."""

import json

import pytest
import torch

from composer import ExecutionError, Graph, InputError, NameResolutionError
from composer.inside import scale, sweep, zero
from sample_nodes import NODES

SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "b": {"uses": "scale", "inputs": {"x": "a"}},
        "c": {"uses": "scale", "inputs": {"x": "b"}},
        "side": {"uses": "shift", "inputs": {"x": "x"}},
        "boxes": {"uses": "boxes", "inputs": {"x": "c"}},
        "maps": {"uses": "features", "inputs": {"x": "b"}},
    },
}
X = torch.tensor([[1.0, 2.0]])


@pytest.fixture
def session():
    return Graph.from_spec(SPEC, nodes=NODES).session(X)


def test_each_place_has_its_score_and_its_change(session):
    found = sweep(session, "c.sum()", ["a", "b", "side"])
    assert found.before == 20
    assert [(row.place, row.score, row.change) for row in found.rows] == [
        ("a", 0, -20),
        ("b", 0, -20),
        ("side", 20, 0),
    ]


def test_nothing_above_a_place_is_computed_again_and_the_session_stays(session):
    ran = []
    graph = Graph.from_spec(SPEC, nodes=NODES)
    session = graph.session(X)
    session.edit("a", scale(2))
    graph.add_hook(lambda path, _: ran.append(path), "before")
    found = sweep(session, "c.sum()", ["a", "b", "c"], {"twice": scale(2), "none": zero})
    assert ran == ["a", "b", "c", *["b", "c"] * 2, *["c"] * 2]
    assert [row.change for row in found.rows if row.edit == "twice"] == [0, 40, 40]
    assert [row.change for row in found.rows if row.edit == "none"] == [-40, -40, -40]
    assert session.edited == ("a",)
    assert session.read("c.sum()") == 40


def test_a_score_that_vanishes_is_a_row_with_the_reason(session):
    found = sweep(
        session, "c[0, 1]", "b", {"cut": lambda value: value[:, :1], "nan": lambda v: v * torch.nan}
    )
    cut, nan = found.rows
    assert cut.score is None
    assert cut.change is None
    assert cut.error
    assert "is nan" in nan.error
    assert found.ranked == ()
    assert "cut" in str(found)
    assert json.loads(json.dumps(found.to_json()))["rows"][0]["score"] is None


def test_a_function_that_finds_nothing_after_an_edit_is_a_row_with_the_reason(session):
    found = sweep(session, lambda run: run["c"][0][1], "b", lambda value: value[:, :1])
    assert found.rows[0].error.startswith("the score '<lambda>' failed: IndexError")


def test_the_size_of_a_mask_is_a_score():
    nodes = {"m": {"uses": "positive", "inputs": {"x": "x"}}}
    known = {**NODES, "positive": find_positive}
    graph = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=known)
    assert sweep(graph.session(X), "m.sum()", "x").before == 2
    assert sweep(graph.session(X), "m.mean()", "x").rows[0].change == -1


def find_positive(x: torch.Tensor) -> torch.Tensor:
    """True where a number is above 0."""
    return x > 0


def test_an_edit_that_fails_is_a_row_and_the_rest_goes_on(session):
    found = sweep(session, lambda run: run["c"].sum(), ["boxes", "b"], lambda value: value + 1)
    assert [row.error == "" for row in found.rows] == [True, True]  # boxes are not needed
    found = sweep(session, "b.sum()", ["a", "b"], lambda value: value[7])
    assert all("IndexError" in row.error for row in found.rows)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("c.sum()", ["a", "bb"]), NameResolutionError, "there is no node, port or input 'bb'"),
        (("cc.sum()", ["a"]), NameResolutionError, "'cc'"),
        (("c", ["a"]), InputError, "the score 'c' is a tensor of 1x2, not one number"),
        ((lambda run: "3", ["a"]), InputError, "is str, not one number"),
        (("c[0, 5]", ["a"]), InputError, "5"),
        (("c.sum()", []), InputError, "no node is named"),
        (("c.sum()", ["a"], {}), InputError, "one place and one edit at least"),
        (("c.sum()", 3), InputError, "nodes and ports are named by texts, not int 3"),
        ((lambda run: 1 / 0, ["a"]), InputError, "the score '.*' failed: ZeroDivisionError"),
        (("maps.p2.sum()", ["a", "maps.p3"]), NameResolutionError, "'maps' has no 'p3'"),
        (("c.sum()", ["a"], 0), InputError, "is of type int, and not a function"),
        ((lambda run: run["a:x"], ["a"]), NameResolutionError, "no modules inside"),
    ],
)
def test_mistakes_are_refused_before_anything_is_edited(session, arguments, error, message):
    with pytest.raises(error, match=message):
        sweep(session, *arguments)


def test_a_node_that_fails_without_edits_ends_the_sweep():
    nodes = {"f": {"uses": "fail", "inputs": {"x": "x"}}}
    graph = Graph.from_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}, nodes=NODES)
    with pytest.raises(ExecutionError):
        sweep(graph.session(X), "f.sum()", "x")
    with pytest.raises(InputError, match="a sweep is over a session"):
        sweep(graph, "f.sum()", "x")


def test_rows_come_as_they_are_finished_and_are_ranked(session):
    seen = []
    found = sweep(session, "c.sum()", ["side", "a"], scale(2), on_row=seen.append)
    assert tuple(seen) == found.rows
    assert [row.place for row in found.ranked] == ["a", "side"]


def test_a_table_shows_scores_in_columns(session):
    shown = str(sweep(session, "c.sum()", ["a", "side"]))
    assert shown.splitlines() == [
        "c.sum(): 20 without edits",
        "  place  score  change",
        "  a          0     -20",
        "  side      20       0",
    ]


def test_names_of_edits_do_not_act_on_a_terminal(session):
    found = sweep(session, "c.sum()", "a", {"\x1b[31mred\n": zero})
    assert "\x1b" not in str(found)
    assert r"a      \x1b[31mred\n" in str(found)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_pictures_are_drawn_of_one_edit_several_and_many(session, tmp_path, ending):
    many = {number: scale(number) for number in range(50)}
    sweeps = [
        sweep(session, "c.sum()", ["a", "side"]),
        sweep(session, "c.sum()", ["a", "b"], {"0": zero, "cut": lambda value: value[5]}),
        sweep(session, "c.sum()", "a", many),
        sweep(session, "c.sum()", "a", lambda value: value[5]),
    ]
    for number, found in enumerate(sweeps):
        file = tmp_path / f"{number}.{ending}"
        found.save(file)
        assert file.stat().st_size > 2000
    if ending == "svg":
        assert "change of the score" in (tmp_path / "0.svg").read_text()
        assert (tmp_path / "1.svg").read_text().count("no score") == 2


def test_numbers_that_json_does_not_have_are_null(session, tmp_path):
    found = sweep(session, "c.sum()", "a", {"nan": lambda value: value * float("nan")})
    found.save(tmp_path / "x.json")

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    document = json.loads((tmp_path / "x.json").read_text(), parse_constant=refuse)
    assert document["rows"][0]["score"] is None


def test_a_sweep_is_saved_as_json_and_nothing_unknown(session, tmp_path):
    found = sweep(session, "c.sum()", "a")
    found.save(tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == found.to_json()
    with pytest.raises(InputError, match=r"one of \.json, \.png, \.svg, \.pdf"):
        found.save(tmp_path / "x.txt")
