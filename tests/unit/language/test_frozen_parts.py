"""`freeze` of a spec: what its names mean, how it merges, and names that mean nothing."""

import pytest

from composer.language import load_spec
from spec_folder import marked

HEAD = "composer: 1\ninputs: {x: any}\n"
NODES = """\
nodes:
  a: {uses: scale, inputs: {x: x}}
  g:
    inputs: {x: a}
    nodes:
      b: {uses: source, inputs: {x: x}}
      c: {uses: linear, inputs: {x: b}}
      h: {inputs: {x: b}, nodes: {b: {uses: scale, inputs: {x: x}}}, outputs: {y: b}}
    outputs: {y: c, z: h}
  again: {same_as: a, inputs: {x: g.z}}
  d: {uses: shift, inputs: {x: g.z}}
"""
INNER = f"""\
{HEAD}nodes:
  e: {{uses: scale, inputs: {{x: x}}}}
  s: {{uses: source, inputs: {{x: x}}}}
  f: {{uses: linear, inputs: {{x: s}}}}
outputs: {{y: e}}
freeze: [e, f.linear]
"""


def frozen(spec_folder, text):
    return list(spec_folder.check(HEAD + text).spec.freeze)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("a", ["a"]),
        ("g", ["g"]),
        ("g.c", ["g.c"]),
        ("c", ["g.c"]),  # the only end of a path that fits
        ("g.b", ["g.b"]),  # exact, although g.h.b ends so, too
        ("h.b", ["g.h.b"]),
        ("g.c.linear", ["g.c.linear"]),
        ("c.linear", ["g.c.linear"]),
        ("c:linear", ["g.c.linear"]),
        ("a, c.linear", ["a", "g.c.linear"]),
        ("", []),
    ],
)
def test_names_are_those_of_nodes_nested_graphs_and_modules(spec_folder, names, found):
    assert frozen(spec_folder, f"{NODES}freeze: [{names}]\n") == found


def test_nothing_is_frozen_by_default(spec_folder):
    assert frozen(spec_folder, NODES) == []


def test_a_part_tells_its_node_its_module_and_its_place(spec_folder):
    part = spec_folder.check(f"{HEAD}{NODES}freeze: [c.linear]\n").spec.freeze["g.c.linear"]
    assert (part.path, part.module, str(part.place)) == ("g.c", "linear", "spec.yaml:14:10")


def test_a_node_names_what_is_inside_it(spec_folder):
    text = """\
nodes:
  g:
    inputs: {x: x}
    nodes:
      b: {uses: source, inputs: {x: x}}
      c: {uses: linear, inputs: {x: b}, freeze: [linear]}
    outputs: {y: c}
    freeze: [b]
"""
    assert frozen(spec_folder, text) == ["g.b", "g.c.linear"]


def test_a_nested_spec_names_its_own_nodes_and_its_node_can_say_otherwise(spec_folder):
    spec_folder.write("inner.yaml", INNER)
    node = "n: {spec: inner.yaml, inputs: {x: x}%s}\n"
    assert frozen(spec_folder, f"nodes:\n  {node % ''}") == ["n.e", "n.f.linear"]
    assert frozen(spec_folder, f"nodes:\n  {node % ', freeze: []'}") == []
    assert frozen(spec_folder, f"nodes:\n  {node % ', freeze: null'}") == []
    assert frozen(spec_folder, f"nodes:\n  {node % ', freeze: [s]'}") == ["n.s"]
    assert frozen(spec_folder, f"nodes:\n  {node % ''}freeze: [n.s]\n") == [
        "n.s",
        "n.e",
        "n.f.linear",
    ]


def test_a_spec_that_extends_another_replaces_the_list(spec_folder):
    spec_folder.write("base.yaml", f"{HEAD}{NODES}freeze: [a, g]\n")
    over = "composer: 1\nextends: base.yaml\n"
    assert list(spec_folder.check(over).spec.freeze) == ["a", "g"]
    assert list(spec_folder.check(f"{over}freeze: [c]\n").spec.freeze) == ["g.c"]
    assert list(spec_folder.check(f"{over}freeze: []\n").spec.freeze) == []
    assert list(spec_folder.check(f"{over}freeze: null\n").spec.freeze) == []


def test_modules_of_a_node_type_that_is_replaced_are_not_frozen_in_the_next(spec_folder):
    nodes = (
        "{s: {uses: source, inputs: {x: x}}, c: {uses: linear, inputs: {x: s}, freeze: [linear]}}"
    )
    spec_folder.write("base.yaml", f"{HEAD}nodes: {nodes}\n")
    over = "composer: 1\nextends: base.yaml\nnodes: {c: {uses: scale}}\n"
    assert list(spec_folder.check(over).spec.freeze) == []


def test_params_choose_what_is_frozen(spec_folder):
    text = f"params: {{parts: [a, c]}}\n{NODES}freeze: ${{parts}}\n"
    assert frozen(spec_folder, text) == ["a", "g.c"]
    spec = spec_folder.check(HEAD + text, set=["parts=[g]"]).spec
    assert list(spec.freeze) == ["g"]


def test_the_document_of_a_spec_freezes_the_same(spec_folder):
    spec_folder.write("inner.yaml", INNER)
    text = f"{HEAD}{NODES}  n: {{spec: inner.yaml, inputs: {{x: x}}}}\nfreeze: [c.linear]\n"
    spec = spec_folder.check(text).spec
    assert list(spec.freeze) == ["g.c.linear", "n.e", "n.f.linear"]
    assert list(load_spec(spec.document).freeze) == list(spec.freeze)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("q", "there is no node 'q' to freeze"),
        ("b", "'b' is ambiguous; it could be g.b, g.h.b"),
        ("g.q", "there is no node 'q' in 'g' to freeze"),
        ("again", "'again' has no weights of its own: it is the same as 'a'"),
        ("d", "node 'd' has no weights to freeze: shift is a function"),
        ("c.linaer", "node 'g.c' has no module 'linaer' to freeze"),
        ("3", "'freeze[0]': what is frozen is named by its path: 'roi_heads', "
              "'backbone.bottom_up.stem'"),
    ],
)  # fmt: skip
def test_names_that_mean_nothing_are_refused_where_they_stand(spec_folder, name, message):
    problem = spec_folder.problem(f"{HEAD}{NODES}freeze: [{name}]\n")
    assert problem.message == message
    assert marked(problem) == name


def test_the_closest_name_is_suggested(spec_folder):
    text = f"{HEAD}{NODES}freeze: [g.cc, c.linaer]\n"
    hints = [problem.hint for problem in spec_folder.problems(text)]
    assert hints == ["Did you mean 'c'?", "Did you mean 'linear'?"]


def test_a_name_that_means_nothing_in_a_nested_spec_is_placed_there(spec_folder):
    spec_folder.write("inner.yaml", INNER.replace("f.linear", "f.linaer"))
    nodes = "nodes: {n: {spec: inner.yaml, inputs: {x: x}}}\n"
    problem = spec_folder.problem(HEAD + nodes)
    assert problem.message == "node 'n.f' has no module 'linaer' to freeze"
    assert (problem.place.source, marked(problem)) == ("inner.yaml", "f.linaer")


def test_what_is_called_again_is_frozen_where_it_is(spec_folder):
    nodes = NODES.replace("{same_as: a,", "{same_as: a, freeze: [linear],")
    problem = spec_folder.problem(HEAD + nodes)
    assert problem.message == "'freeze' belongs to the node that 'same_as' names: put it there"


@pytest.mark.parametrize("value", ["a", "{a: true}"])
def test_what_is_no_list_is_refused_and_hides_no_other_problem(spec_folder, value):
    nodes = NODES.replace("uses: shift", "uses: shfit")
    problems = spec_folder.problems(f"{HEAD}{nodes}freeze: {value}\n")
    assert [marked(problem) for problem in problems] == ["shfit", value]
    assert problems[1].message.startswith("'freeze': should be a list, not ")
