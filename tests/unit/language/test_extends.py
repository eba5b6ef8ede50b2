"""`extends`: mappings are merged by key, null deletes, and relative files stay where they were."""

import pytest

from composer.errors import SpecError
from composer.language import load_spec
from spec_folder import marked

BASE = """\
composer: 1
params: {size: 1, other: 2}
inputs: {x: any}
nodes:
  a: {uses: shift, inputs: {x: x}, with: {by: 1.0}}
  b: {uses: scale, inputs: {x: {training: a, inference: x}}, with: {start: 1.0, norm: BN}}
  g:
    inputs: {x: b}
    nodes:
      c: {uses: scale, inputs: {x: x}}
    outputs: {y: c}
outputs: {y: b, z: g}
"""


@pytest.fixture
def merged(spec_folder):
    """The document that a spec over BASE gives."""

    def merge(text):
        spec_folder.write("base.yaml", BASE)
        file = spec_folder.write("over.yaml", "composer: 1\nextends: base.yaml\n" + text)
        return load_spec(file).document

    return merge


def test_mappings_merge_by_key_at_any_depth(merged):
    document = merged("nodes: {b: {with: {start: 3.0}}, g: {nodes: {c: {with: {start: 4.0}}}}}\n")
    nodes = document["nodes"]
    assert nodes["b"]["with"] == {"start": 3.0, "norm": "BN"}
    assert nodes["g"]["nodes"]["c"] == {"uses": "scale", "inputs": {"x": "x"}, "with": {"start": 4}}
    assert list(nodes) == ["a", "b", "g"]


def test_lists_and_scalars_are_replaced(merged):
    assert merged("outputs: {y: [a, b]}\n")["outputs"] == {"y": ["a", "b"], "z": "g"}


def test_a_wire_of_one_mode_is_changed_by_itself(merged):
    wire = merged("nodes: {b: {inputs: {x: {training: x}}}}\n")["nodes"]["b"]["inputs"]["x"]
    assert wire == {"training": "x", "inference": "x"}


def test_null_deletes_nodes_outputs_configuration_and_wires(merged):
    document = merged(
        "nodes: {g: null, b: {with: {norm: null}, inputs: {x: {training: null}}}}\n"
        "outputs: {z: null}\n"
    )
    assert list(document["nodes"]) == ["a", "b"]
    assert document["nodes"]["b"]["with"] == {"start": 1.0}
    assert document["nodes"]["b"]["inputs"] == {"x": {"inference": "x"}}
    assert document["outputs"] == {"y": "b"}


def test_a_replaced_node_type_drops_the_old_configuration_and_keeps_the_wires(merged):
    node = merged("nodes: {b: {uses: shift, with: {by: 2.0}}}\n")["nodes"]["b"]
    assert node["with"] == {"by": 2.0}
    assert node["inputs"] == {"x": {"training": "a", "inference": "x"}}


def test_the_same_node_type_again_keeps_the_configuration(merged):
    node = merged("nodes: {b: {uses: scale, with: {start: 2.0}}}\n")["nodes"]["b"]
    assert node["with"] == {"start": 2.0, "norm": "BN"}


@pytest.mark.parametrize(
    "kind", ["uses: total", "same_as: b", "nodes: {d: {uses: scale, inputs: {x: x}}}"]
)
def test_a_node_can_become_another_kind_of_node(merged, kind):
    for name in ("a", "g"):
        if name == "g" and kind.startswith("nodes"):
            continue
        node = merged(f"nodes: {{{name}: {{{kind}}}}}\noutputs: {{z: null}}\n")["nodes"][name]
        assert node.keys() - {"inputs"} == {kind.partition(":")[0]}


def test_nodes_of_a_nested_graph_are_added(merged):
    nodes = merged("nodes: {g: {nodes: {d: {uses: scale, inputs: {x: c}}}}}\n")["nodes"]["g"][
        "nodes"
    ]
    assert list(nodes) == ["c", "d"]


def test_params_of_the_base_can_be_set_and_added(merged, spec_folder):
    merged("params: {size: 5, more: '${size}'}\n")
    assert load_spec("over.yaml").params == {"size": 5, "other": 2, "more": 5}
    assert load_spec("over.yaml", set=["size=6"]).params == {"size": 6, "other": 2, "more": 6}


def test_of_several_bases_the_last_is_on_top(spec_folder):
    spec_folder.write("one.yaml", "composer: 1\nparams: {a: 1, b: 1, c: 1}\nnodes: {}\n")
    spec_folder.write("two.yaml", "composer: 1\nparams: {b: 2, c: 2}\nnodes: {}\n")
    spec_folder.write("top.yaml", "composer: 1\nextends: [one.yaml, two.yaml]\nparams: {c: 3}\n")
    assert load_spec("top.yaml").params == {"a": 1, "b": 2, "c": 3}


def test_a_base_may_extend_another_and_be_shared(spec_folder):
    spec_folder.write("root.yaml", "composer: 1\nparams: {a: 1}\nnodes: {}\n")
    for name in ("left", "right"):
        spec_folder.write(f"{name}.yaml", f"composer: 1\nextends: root\nparams: {{{name}: 1}}\n")
    spec_folder.write("top.yaml", "composer: 1\nextends: [left, right]\n")
    assert load_spec("top.yaml").params == {"a": 1, "left": 1, "right": 1}


def test_files_that_a_base_names_are_beside_the_base(spec_folder):
    spec_folder.write("far/blocks/inner.yaml", "composer: 1\nnodes: {}\nweights: w.pth\n")
    spec_folder.write("far/blocks/w.pth", "")
    base = (
        "composer: 1\nnodes: {n: {spec: blocks/inner.yaml}, m: {uses: x, weights: blocks/w.pth}}\n"
    )
    spec_folder.write("far/base.yaml", base)
    spec_folder.write("near/top.yaml", "composer: 1\nextends: ../far/base.yaml\n")
    spec = load_spec("near/top.yaml")
    assert {path: (spec_folder.path / file).resolve() for path, file in spec.weights.items()} == {
        "n": spec_folder.path / "far/blocks/w.pth",
        "m": spec_folder.path / "far/blocks/w.pth",
    }


@pytest.mark.parametrize("name", ["top.yaml", "./top.yaml", "../{folder}/top.yaml"])
def test_a_ring_of_bases_is_refused(spec_folder, name):
    name = name.format(folder=spec_folder.path.name)
    spec_folder.write("other.yaml", f"composer: 1\nextends: {name}\nnodes: {{}}\n")
    spec_folder.write("top.yaml", "composer: 1\nextends: other.yaml\nnodes: {}\n")
    problem = spec_folder.problem("composer: 1\nextends: top.yaml\nnodes: {}\n")
    assert problem.message == f"'{name}' refers back to itself"
    assert str(problem.place) == "other.yaml:2:10"


def test_an_unknown_base_is_refused_at_its_place(spec_folder):
    problem = spec_folder.problem("composer: 1\nextends: [mask_rcn_r50_fpn]\nnodes: {}\n")
    assert problem.message == "there is no spec 'mask_rcn_r50_fpn'"
    assert problem.hint == "Did you mean 'mask_rcnn_r50_fpn'?"
    assert marked(problem) == "mask_rcn_r50_fpn"


def test_problems_of_a_base_are_shown_in_its_file(spec_folder):
    text = "composer: 1\nextends: base.yaml\nnodes: {b: {with: {norm: XN}}, a: {with: {bye: 2}}}\n"
    spec_folder.write("base.yaml", BASE.replace("start: 1.0", "start: high"))
    problems = spec_folder.problems(text)
    assert [(problem.place.source, marked(problem)) for problem in problems] == [
        ("base.yaml", "high"),
        ("spec.yaml", "XN"),
        ("spec.yaml", "bye"),
    ]


@pytest.mark.parametrize(
    ("text", "what", "mark"),
    [
        ("params: {size: null}\n", "the param 'size'", "size"),
        ("nodes: {a: null}\n", "'a'", "a"),
        ("nodes: {g: {nodes: {c: null}}}\n", "'g.c'", "c"),
        ("inputs: {x: null}\n", "'x'", "x"),
    ],
)
def test_deleting_what_the_base_uses_is_one_problem_at_the_users_line(
    spec_folder, text, what, mark
):
    more = "  c: {uses: scale, inputs: {x: a}, with: {start: '${size}'}}\n"
    spec_folder.write("base.yaml", BASE.replace("outputs: {y: b", f"{more}outputs: {{y: b"))
    problem = spec_folder.problem("composer: 1\nextends: base.yaml\n" + text)
    assert problem.message == f"{what} is deleted here, but still used"
    assert problem.hint.startswith("It is used at base.yaml:")
    assert marked(problem) == mark


def test_what_a_document_itself_deletes_and_uses_is_told_where_it_uses_it(spec_folder):
    spec_folder.write("base.yaml", BASE)
    text = "composer: 1\nextends: base.yaml\nparams: {size: null}\ndoc: '${size}'\n"
    assert spec_folder.problem(text).message == "unknown param 'size'"


@pytest.mark.parametrize(
    ("text", "message", "mark"),
    [
        ("extends: [base.yaml, base.yaml]\n", "'base.yaml' is extended twice", "base.yaml"),
        ("freeze: [a, b, a]\n", "'a' is frozen twice", "a"),
        ("freeze: [g, 'a:x', a.x]\n", "'a.x' is frozen twice", "a.x"),
        (
            "nodes: {b: {with: [size, {size: 2}]}}\n",
            "'size' is given twice in this list",
            "size",
        ),
    ],
)
def test_what_a_list_says_twice_is_told(spec_folder, text, message, mark):
    spec_folder.write("base.yaml", BASE)
    head = "composer: 1\n" + ("" if "extends" in text else "extends: base.yaml\n")
    problems = spec_folder.problems(head + text)
    (told,) = [problem for problem in problems if problem.message.startswith(message)]
    assert marked(told) == mark


def test_a_missing_file_suggests_those_of_its_folder(spec_folder):
    for size in "sl":
        spec_folder.write(f"parts/net_{size}.yaml", "composer: 1\nnodes: {}\n")
    problem = spec_folder.problem("composer: 1\nnodes:\n  net: {spec: parts/net_x.yaml}\n")
    assert problem.message == "there is no spec 'parts/net_x.yaml'"
    assert "Did you mean 'parts/net_" in problem.hint
    problem = spec_folder.problem("composer: 1\nextends: nowhere/net_x.yaml\nnodes: {}\n")
    assert problem.hint.startswith("Published specs")


def test_one_file_name_means_another_spec_in_another_folder(spec_folder):
    inner = "composer: 1\nparams: {%s: 1.0}\ninputs: {x: any}\nnodes:\n"
    node = "  n: {uses: scale, inputs: {x: x}, with: {start: '${%s}'}}\noutputs: {y: n}\n"
    for folder, name in (("", "begin"), ("base/", "start")):
        spec_folder.write(f"{folder}inner.yaml", (inner + node) % (name, name))
    spec_folder.write(
        "base/base.yaml",
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          n: {spec: inner.yaml, inputs: {x: x}, params: {start: 3.0}}
        """,
    )
    extending = "composer: 1\nextends: base/base.yaml\nnodes: {n: {spec: inner.yaml%s}}\n"
    found = spec_folder.check(extending % ", params: {begin: 2.0}")
    assert found.nodes["n.n"].config["start"] == 2.0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parts", "'parts' is a folder, not a spec"),
        ("/", "'/' is a folder, not a spec"),
        ("a/" * 3000 + "x", "there is no spec 'a/a/"),
    ],
)
def test_a_folder_or_a_path_that_is_too_long_is_no_spec(spec_folder, name, message):
    spec_folder.write("parts/other.yaml", BASE)
    file = spec_folder.write("over.yaml", f"composer: 1\nextends: {name}\n")
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert problem.place.line == 2
    assert "/other.yaml" not in problem.hint.replace("parts/other.yaml", "")
