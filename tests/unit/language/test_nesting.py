"""Nested graphs, in place and from files: their inputs, outputs, nodes and files."""

import pytest

from composer.errors import SpecError
from composer.language import load_spec, sources
from spec_folder import marked

INNER = """\
composer: 1
doc: Scales twice.
params: {start: 2.0}
inputs: {x: any, m: {optional: true}}
nodes:
  one: {uses: scale, inputs: {x: x}, with: {start: "${start}"}}
  two: {uses: total, inputs: {parts: [one, x], extra: m}}
outputs: {y: two, first: one}
"""


def wires(blueprint, path, mode="inference"):
    """The slots of a node's inputs, as text."""
    arguments = blueprint.nodes[path].arguments[mode]
    return {port: [str(slot) for slot in endpoint.slots] for port, endpoint in arguments.items()}


@pytest.fixture
def folder(spec_folder):
    spec_folder.write("blocks/inner.yaml", INNER)
    return spec_folder


def test_nodes_of_a_file_are_found_below_the_node(folder):
    blueprint = folder.check(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          n: {spec: blocks/inner.yaml, inputs: {x: x}, params: {start: 3.0}}
          after: {uses: add, inputs: {a: n, b: n.first}}
          inside: {uses: shift, inputs: {x: n.one}}
        """
    )
    assert list(blueprint.nodes) == ["n.one", "n.two", "after", "inside"]
    assert blueprint.nodes["n.one"].config["start"] == 3.0
    assert wires(blueprint, "n.two") == {"parts": ["n.one", "x"]}
    assert wires(blueprint, "after") == {"a": ["n.two"], "b": ["n.one"]}
    assert wires(blueprint, "inside") == {"x": ["n.one"]}


def test_an_optional_input_may_stay_open_or_be_wired(folder):
    blueprint = folder.check(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          a: {spec: blocks/inner.yaml, inputs: {x: x}}
          b: {spec: blocks/inner.yaml, inputs: {x: x, m: a}}
          c: {spec: blocks/inner.yaml, inputs: {x: x, m: {training: a}}}
        """
    )
    assert "extra" not in wires(blueprint, "a.two")
    assert wires(blueprint, "b.two")["extra"] == ["a.two"]
    assert "extra" not in wires(blueprint, "c.two")
    assert wires(blueprint, "c.two", "training")["extra"] == ["a.two"]


def test_a_document_with_an_open_input_reads_as_itself(folder):
    text = "composer: 1\ninputs: {x: any}\nnodes: {a: {spec: blocks/inner.yaml, inputs: {x: x}}}\n"
    document = load_spec(folder.write("spec.yaml", text)).document
    assert load_spec(document).document == document


def test_nodes_of_a_file_can_be_changed_replaced_added_and_deleted(folder):
    blueprint = folder.check(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          n:
            spec: blocks/inner.yaml
            inputs: {x: x}
            nodes:
              one: {with: {norm: BN}}
              two: {uses: shift, inputs: {parts: null, extra: null, x: one}}
              three: {uses: scale, inputs: {x: two}}
            outputs: {first: null, y: three}
          m: {spec: blocks/inner.yaml, inputs: {x: n}, nodes: {two: null}, outputs: {y: null}}
          last: {uses: shift, inputs: {x: m}}
        """
    )
    assert blueprint.nodes["n.one"].config == {"start": 2.0, "norm": "BN"}
    assert wires(blueprint, "n.two") == {"x": ["n.one"]}
    assert wires(blueprint, "m.one") == {"x": ["n.three"]}
    assert wires(blueprint, "last") == {"x": ["m.one"]}
    assert "m.two" not in blueprint.nodes


def test_graphs_nest_at_any_depth_and_pass_inputs_through(folder):
    blueprint = folder.check(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          a:
            inputs: {u: x}
            nodes:
              b:
                inputs: {v: u}
                nodes:
                  c: {spec: ../spec_file.yaml, inputs: {x: v}}
                outputs: {o: c}
            outputs: {o: b}
          d: {uses: shift, inputs: {x: a}}
          e: {uses: shift, inputs: {x: a.b.c.one}}
        """.replace("../spec_file.yaml", "blocks/inner.yaml")
    )
    assert wires(blueprint, "a.b.c.one") == {"x": ["x"]}
    assert wires(blueprint, "d") == {"x": ["a.b.c.two"]}
    assert wires(blueprint, "e") == {"x": ["a.b.c.one"]}


def test_a_graph_in_place_may_gather_what_is_handed_in(spec_folder):
    blueprint = spec_folder.check(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          a: {uses: shift, inputs: {x: x}}
          g:
            inputs: {parts: [x, a]}
            nodes: {t: {uses: total, inputs: {parts: parts}}}
            outputs: {both: [t, parts]}
          u: {uses: total, inputs: {parts: g.both}}
        """
    )
    assert wires(blueprint, "g.t") == {"parts": ["x", "a"]}
    assert wires(blueprint, "u") == {"parts": ["g.t", "x", "a"]}


def test_a_port_of_what_is_handed_in_can_be_addressed(spec_folder):
    blueprint = spec_folder.check(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          s: {uses: split, inputs: {x: x}}
          g: {inputs: {halves: s}, nodes: {a: {uses: shift, inputs: {x: halves.high}}}}
        """
    )
    assert wires(blueprint, "g.a") == {"x": ["s.high"]}


def test_outputs_by_mode_lead_to_other_nodes(spec_folder):
    blueprint = spec_folder.check(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          g:
            inputs: {x: x}
            nodes:
              a: {uses: scale, inputs: {x: x}}
              b: {uses: losses, when: training, inputs: {x: a}}
            outputs: {training: {losses: b}, inference: {y: a}}
        outputs: {training: {losses: g.losses}, inference: {y: g}}
        """
    )
    outputs = blueprint.outputs
    assert [str(end.slots[0]) for end in outputs["training"].values()] == ["g.b"]
    assert [str(end.slots[0]) for end in outputs["inference"].values()] == ["g.a"]


def test_a_missing_and_an_unknown_input_of_a_file_are_refused(folder):
    problems = folder.problems(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          n: {spec: blocks/inner.yaml, inputs: {y: x}}
        """
    )
    assert [(p.message, marked(p)) for p in problems] == [
        ("the nested spec needs an input 'x'", "blocks/inner.yaml"),
        ("the nested spec has no input 'y'", "y"),
    ]
    assert problems[1].hint == "Inputs: m, x."


def test_a_wire_of_the_wrong_type_is_traced_to_where_it_was_handed_in(folder):
    problem = folder.problem(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          f: {uses: features, inputs: {x: x}}
          n: {spec: blocks/inner.yaml, inputs: {x: f}, nodes: {two: null}, outputs: {y: null}}
        """
    )
    assert (problem.place.source, marked(problem)) == ("blocks/inner.yaml", "x")
    assert problem.message.endswith("input 'x' expects Tensor, but 'x' (f) returns Features.")
    assert str(problem.origin) == "spec.yaml:5:44"


def test_a_name_from_outside_is_told_to_be_handed_in(folder):
    problem = folder.problem(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          a: {uses: shift, inputs: {x: x}}
          g: {inputs: {x: x}, nodes: {b: {uses: add, inputs: {a: x, b: a}}}}
        """
    )
    assert problem.message == "there is no node or input 'a' in 'g'"
    assert problem.hint == "'a' is outside: hand it in under the inputs of 'g'."


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("g.q", "'g' has no node or output 'q'"),
        ("g.y.z", "the output 'g.y' has no port 'z'"),
        ("g.a.b.c", "'g.a' is a single node: a port has one name"),
        ("h", "the nested graph 'h' has no outputs"),
        ("g.t", "'g' has no node or output 't' in inference mode"),
        ("x.part", "the input 'x' (anything) has no part 'part'"),
        ("g.a.high", "'g.a' has no output 'high'"),
    ],
)
def test_references_that_lead_nowhere_are_refused(spec_folder, reference, message):
    problem = spec_folder.problem(
        f"""\
        composer: 1
        inputs: {{x: any}}
        nodes:
          g:
            inputs: {{x: x}}
            nodes: {{a: {{uses: scale, inputs: {{x: x}}}}}}
            outputs: {{y: a, t: {{training: a}}}}
          h: {{inputs: {{x: x}}, nodes: {{a: {{uses: scale, inputs: {{x: x}}}}}}}}
          b: {{uses: shift, inputs: {{x: {reference}}}}}
        """
    )
    assert problem.message == message
    assert marked(problem) == reference


def test_inputs_of_a_nested_graph_have_no_names_of_its_nodes(spec_folder):
    problem = spec_folder.problem(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          g: {inputs: {a: x, b: x}, nodes: {a: {uses: scale, inputs: {x: b}}}}
        """
    )
    assert problem.message == "'a' is the name of an input and of a node"


@pytest.mark.parametrize("name", ["spec.yaml", "blocks/../spec.yaml"])
def test_a_ring_of_files_is_refused(folder, name):
    folder.write("ring.yaml", f"composer: 1\nnodes: {{n: {{spec: {name}}}}}\n")
    problem = folder.problem("composer: 1\nnodes: {n: {spec: ring.yaml}}\n")
    assert problem.message == f"'{name}' refers back to itself"
    assert problem.place.source == "ring.yaml"


def test_outputs_that_lead_to_each_other_are_refused(spec_folder):
    text = spec_folder.complain(
        """\
        composer: 1
        nodes:
          a: {inputs: {x: b.o}, nodes: {}, outputs: {o: x}}
          b: {inputs: {x: a.o}, nodes: {}, outputs: {o: x}}
        """
    )
    assert "outputs refer to each other in a ring: b.o -> a.o -> b.o" in text


def test_files_nested_beyond_all_measure_are_refused(spec_folder):
    for level in range(6):
        nodes = "".join(f"  n{i}: {{spec: level{level + 1}.yaml}}\n" for i in range(10))
        spec_folder.write(f"level{level}.yaml", f"composer: 1\nnodes:\n{nodes}")
    spec_folder.write("level6.yaml", "composer: 1\nnodes: {}\n")
    assert "are nested" in spec_folder.complain("composer: 1\nnodes: {n: {spec: level0.yaml}}\n")


def test_a_file_with_problems_does_not_hide_those_of_others(folder):
    folder.write("broken.yaml", "composer: 1\nnodes: [\n")
    folder.write("newer.yaml", "composer: 9\nnodes: {}\nfuture: 1\n")
    problems = folder.problems(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          a: {spec: broken.yaml, inputs: {x: x}}
          b: {spec: newer.yaml, inputs: {x: x}}
          c: {spec: missing.yaml}
          d: {spec: blocks/inner.yaml, inputs: {x: x}, params: {stop: 1}}
          e: {uses: shift, inputs: {x: nothing}}
          f: {uses: add, inputs: {a: a.out, b: b.some.port}}
        """
    )
    assert [(p.place.source, p.message.partition(":")[0]) for p in problems] == [
        ("broken.yaml", "not valid YAML"),
        (
            "newer.yaml",
            "this spec is written in version 9 of the language; the installed composer reads up "
            "to version 1",
        ),
        ("spec.yaml", "there is no spec 'missing.yaml'"),
        ("spec.yaml", "unknown param 'stop'"),
        ("spec.yaml", "there is no node or input 'nothing'"),
    ]


def test_of_thousands_of_missing_specs_the_first_are_compared_with_those_there_are(monkeypatch):
    compared = []
    monkeypatch.setattr(sources, "did_you_mean", lambda name, *_: compared.append(name) or "")
    names = [f"missing_{number}" for number in range(300)] * 2
    nodes = {f"n{number}": {"spec": name, "inputs": {}} for number, name in enumerate(names)}
    with pytest.raises(SpecError) as caught:
        load_spec({"composer": 1, "inputs": {"x": "any"}, "nodes": nodes})
    assert compared == names[:200]
    assert len(caught.value.problems) == len(names)
    assert {f"there is no spec '{name}'" for name in names} == {
        problem.message for problem in caught.value.problems
    }
