"""Checkpoints that specs name: whose they are, where they are, and in which order they come."""

import pytest

HEAD = "composer: 1\ninputs: {x: any}\n"


@pytest.fixture
def folder(spec_folder):
    """A folder with a spec to nest that names checkpoints beside it."""
    for name in ("whole.pth", "own.pth", "blocks/inner.pth", "blocks/deep.pth"):
        spec_folder.write(name, "")
    spec_folder.write(
        "blocks/inner.yaml",
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          d: {inputs: {x: x}, nodes: {e: {uses: scale, inputs: {x: x}}}}
        weights: {d.e: deep.pth, d: inner.pth}
        """,
    )
    return spec_folder


def test_checkpoints_are_found_beside_their_spec_and_go_from_the_outside_in(folder):
    blueprint = folder.check(
        HEAD
        + """\
nodes:
  n: {spec: blocks/inner.yaml, inputs: {x: x}}
  m: {spec: blocks/inner.yaml, inputs: {x: x}, nodes: {d: {weights: elsewhere.pth}}}
  a: {uses: scale, inputs: {x: x}, weights: own.pth}
"""
    )
    assert list(blueprint.spec.weights.items()) == [
        ("a", "own.pth"),
        ("n.d", "blocks/inner.pth"),
        ("m.d", "elsewhere.pth"),
        ("n.d.e", "blocks/deep.pth"),
        ("m.d.e", "blocks/deep.pth"),
    ]


@pytest.mark.parametrize("name", ["n.d.e", "d.e", "e"])
def test_checkpoints_by_node_are_named_by_path_or_unique_suffix(folder, name):
    nodes = "{n: {spec: blocks/inner.yaml, inputs: {x: x}}}"
    spec = folder.check(f"{HEAD}nodes: {nodes}\nweights: {{{name}: own.pth}}\n").spec
    assert spec.weights == {"n.d": "blocks/inner.pth", "n.d.e": "own.pth"}


def test_one_checkpoint_may_serve_the_whole_graph(folder):
    nodes = "{a: {uses: scale, inputs: {x: x}, weights: own.pth}}"
    spec = folder.check(f"{HEAD}nodes: {nodes}\nweights: whole.pth\n").spec
    assert list(spec.weights.items()) == [("", "whole.pth"), ("a", "own.pth")]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("{q: own.pth}", "there is no node 'q' to load weights into"),
        ("{e: own.pth}", "'e' is ambiguous; it could be m.d.e, n.d.e"),
    ],
)
def test_checkpoints_for_no_node_or_several_are_refused(folder, weights, message):
    node = "{spec: blocks/inner.yaml, inputs: {x: x}}"
    nodes = f"{{n: {node}, m: {node}}}"
    problem = folder.problem(f"{HEAD}nodes: {nodes}\nweights: {weights}\n")
    assert problem.message == message


def test_a_nested_spec_that_names_a_checkpoint_for_no_node_is_refused(folder):
    folder.write("bad.yaml", "composer: 1\nnodes: {}\nweights: {q: own.pth}\n")
    problem = folder.problem("composer: 1\nnodes: {n: {spec: bad.yaml}}\n")
    assert problem.message == "there is no node 'q' to load weights into"
    assert problem.place.source == "bad.yaml"
