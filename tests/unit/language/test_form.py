"""The form of a spec: its keys and the kinds of their values, each with its place and a way out."""

import json

import jsonschema
import pytest

from composer.documents import locate
from composer.errors import SpecError
from composer.language import SpecDocument, load_spec
from spec_folder import marked

HEAD = "composer: 1\ninputs: {x: any}\n"


@pytest.mark.parametrize(
    ("text", "message", "mark", "hint"),
    [
        ("nodes: {}\n", "the key 'composer' is missing", "nodes: {}", ""),
        ("composer: 1\n", "the key 'nodes' is missing", "composer: 1", ""),
        (
            "composer: 1\nnodse: {}\nnodes: {}\n",
            "unknown key 'nodse'",
            "nodse",
            "Did you mean 'nodes'?",
        ),
        ("- 1\n", "a spec is a mapping with the keys 'composer', 'nodes', ...", "- 1", ""),
        ("composer: '1'\nnodes: {}\n", "'composer': should be a whole number, not '1'", "'1'", ""),
        (
            "composer: 0\nnodes: {}\n",
            "'composer': should be greater than or equal to 1, not 0",
            "0",
            "",
        ),
        (
            "composer: true\nnodes: {}\n",
            "'composer': should be a whole number, not true",
            "true",
            "",
        ),
        ("composer: 1\nnodes: [a]\n", "'nodes': should be a mapping, not a list", "[a]", ""),
        ("composer: 1\nextends: 3\nnodes: {}\n", "a spec is named by a text", "3", ""),
        (HEAD + "nodes: {a: 5}\n", "'a': should be a mapping, not 5", "5", ""),
        (
            HEAD + "nodes: {a-b: {uses: scale}}\n",
            "'a-b' is not a name: use letters, digits and _",
            "a-b",
            "",
        ),
        (HEAD + "nodes: {a: {uses: [s]}}\n", "'uses': should be a text, not a list", "[s]", ""),
        (HEAD + "nodes: {a: {use: scale}}\n", "unknown key 'use'", "use", "Did you mean 'uses'?"),
        (
            HEAD + "nodes: {a: {uses: scale, when: test}}\n",
            "'when': should be 'training' or 'inference', not 'test'",
            "test",
            "",
        ),
        (
            HEAD + "nodes: {a: {uses: scale, when: train}}\n",
            "'when': should be 'training' or 'inference', not 'train'",
            "train",
            "Did you mean 'training'?",
        ),
        (
            HEAD + "nodes: {a: {uses: scale, inputs: {x: 'a:b'}}}\n",
            "'x': a wire cannot come from a tap; give the tap to a run's `until`",
            "'a:b'",
            "",
        ),
        (
            HEAD + "nodes: {a: {uses: scale, inputs: {x: {train: x}}}}\n",
            "'x': a wire is 'node' or 'node.port', a list of those, or one of these for each of "
            "'training' and 'inference'",
            "{train: x}",
            "",
        ),
        (
            "composer: 1\ninputs: {x: {typ: any}}\nnodes: {}\n",
            "unknown key 'typ'",
            "typ",
            "Did you mean 'type'?",
        ),
        (
            "composer: 1\ninputs: {image: {typ: any}}\nnodes: {}\n",
            "unknown key 'typ'",
            "typ",
            "Did you mean 'type'?",
        ),
        (
            "composer: 1\ninputs: {x: {image: {scale: 0}}}\nnodes: {}\n",
            "'scale': should be greater than 0, not 0",
            "0",
            "",
        ),
        (
            "composer: 1\ninputs: {x: {image: {short: 0}}}\nnodes: {}\n",
            "unknown key 'short'",
            "short",
            "Keys: channel_order, longest_edge, scale, shortest_edge.",
        ),
        (
            "composer: 1\nweights: [a]\nnodes: {}\n",
            "'weights': should be a text or a mapping, not a list",
            "[a]",
            "",
        ),
        (
            HEAD + "nodes: {}\noutputs: {training: {y: x}, z: x}\n",
            "'outputs': outputs are given by name, or all of them below 'training' and 'inference'",
            "{training: {y: x}, z: x}",
            "",
        ),
        (
            HEAD + "nodes: {}\noutputs: {a-b: x}\n",
            "'outputs': 'a-b' cannot name an output; use letters, digits and _",
            "{a-b: x}",
            "",
        ),
        (
            HEAD + "nodes: {x: {uses: source, inputs: {x: x}}}\n",
            "'x' is the name of an input and of a node",
            "x",
            "",
        ),
        (
            "composer: 1\ninputs: {x: {example: no.jpg}}\nnodes: {}\n",
            "there is no example file 'no.jpg' beside the spec",
            "no.jpg",
            "",
        ),
    ],
)
def test_a_wrong_form_is_pointed_at(spec_folder, text, message, mark, hint):
    problem = spec_folder.problem(text)
    assert problem.message == message
    assert marked(problem) == mark
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("{}", "node 'a' is empty: it needs 'uses', 'spec', 'nodes' or 'same_as'"),
        ("", "node 'a' is empty: it needs 'uses', 'spec', 'nodes' or 'same_as'"),
        ("{uses: null}", "node 'a' is empty: it needs 'uses', 'spec', 'nodes' or 'same_as'"),
        ("{doc: text}", "node 'a' needs exactly one of 'uses', 'spec', 'nodes' and 'same_as'"),
        (
            "{uses: scale, same_as: b}",
            "node 'a' needs exactly one of 'uses', 'spec', 'nodes' and 'same_as'",
        ),
        (
            "{uses: scale, spec: inner.yaml}",
            "node 'a' needs exactly one of 'uses', 'spec', 'nodes' and 'same_as'",
        ),
        ("{uses: scale, params: {k: 1}}", "'params' goes with 'spec', not with 'uses'"),
        ("{uses: scale, outputs: {y: b}}", "'outputs' goes with 'nodes', not with 'uses'"),
        ("{spec: inner.yaml, with: {k: 1}}", "'with' goes with 'uses', not with 'spec'"),
        ("{nodes: {}, with: {k: 1}}", "'with' goes with 'uses', not with 'nodes'"),
        ("{same_as: b, with: {k: 1}}", "'with' goes with 'uses', not with 'same_as'"),
        (
            "{same_as: b, device: cpu}",
            "'device' belongs to the node that 'same_as' names: put it there",
        ),
        (
            "{same_as: b, namespace: n}",
            "'namespace' belongs to the node that 'same_as' names: put it there",
        ),
        (
            "{same_as: b, weights: w.pth}",
            "'weights' belongs to the node that 'same_as' names: put it there",
        ),
    ],
)
def test_a_node_is_exactly_one_kind_of_thing(spec_folder, node, message):
    spec_folder.write("inner.yaml", "composer: 1\nparams: {k: 2}\nnodes: {}\n")
    problem = spec_folder.problem(
        f"{HEAD}nodes:\n  b: {{uses: source, inputs: {{x: x}}}}\n  a: {node}\n"
    )
    assert problem.message == message
    assert problem.place.line == 5


def test_a_faulty_node_is_not_reported_again_by_those_that_need_it(spec_folder):
    problem = spec_folder.problem(
        HEAD
        + """\
nodes:
  a: {uses: scale, imputs: {x: x}}
  b: {uses: total, inputs: {parts: [a, a.port, x]}}
  c: {same_as: a, inputs: {x: x}}
  g: {inputs: {x: a}, nodes: {d: {uses: shift, inputs: {x: x}}}, outputs: {y: d}}
  e: {uses: shift, inputs: {x: g}}
outputs: {y: a, z: c}
"""
    )
    assert problem.hint == "Did you mean 'inputs'?"


def test_a_newer_language_is_all_that_is_said(spec_folder):
    problem = spec_folder.problem("composer: 2\nnodes: 3\nfuture: {a: 1}\n")
    assert problem.message == (
        "this spec is written in version 2 of the language; "
        "the installed composer reads up to version 1"
    )
    assert problem.hint == "Upgrade detection-composer."
    assert marked(problem) == "2"


def test_names_that_pydantic_uses_inside_do_not_confuse_places(spec_folder):
    problems = spec_folder.problems(
        "composer: 1\ninputs: {str: {typ: any}}\nnodes: {str: {use: s}}\n"
    )
    assert [marked(problem) for problem in problems] == ["typ", "use"]


def test_a_mapping_in_python_is_pointed_at_by_names():
    document = {"composer": 1, "nodes": {"a": {"uses": "scale", "inputs": {"x": {"train": "x"}}}}}
    with pytest.raises(SpecError) as caught:
        load_spec(document)
    assert str(caught.value).startswith("<dict> nodes.a.inputs.x: 'x': a wire is")


def test_a_mapping_that_holds_itself_is_refused():
    document = {"composer": 1, "nodes": {}}
    document["nodes"]["a"] = document
    with pytest.raises(SpecError, match="holds itself"):
        load_spec(document)


@pytest.mark.parametrize("source", ["no/such/file.yaml", "x" * 5000, "a\x00b", "", "."])
def test_a_spec_that_is_not_there_is_refused(source):
    with pytest.raises(SpecError, match="there is no spec"):
        load_spec(source)


def test_a_file_that_is_no_text_is_refused(spec_folder):
    (spec_folder.path / "binary.yaml").write_bytes(b"\xc3\x28\x00")
    with pytest.raises(SpecError, match=r"cannot read 'binary.yaml': it is not UTF-8 text"):
        load_spec("binary.yaml")


@pytest.mark.parametrize(
    "document",
    [
        {"composer": 1, "nodes": {}},
        {"composer": 1, "nodes": {"a": None}, "extends": ["b"]},
        {"composer": 1, "nodes": {"a": {"uses": "s", "inputs": {"x": None, "y": ["a", "b.c"]}}}},
        {"composer": 1, "nodes": {}, "outputs": {"training": {"y": ["a"]}, "inference": None}},
        {"composer": 1, "nodes": {}, "outputs": {"y": {"training": None, "inference": "a"}}},
    ],
)
def test_the_schema_for_editors_accepts_what_is_accepted(document):
    SpecDocument.model_validate(document)
    jsonschema.validate(document, json.loads(json.dumps(SpecDocument.model_json_schema())))


@pytest.mark.parametrize(
    "document",
    [
        {"composer": 1},
        {"composer": 1, "nodes": {"a-b": {}}},
        {"composer": 1, "nodes": {"a": {"inputs": {"x": {"train": "a"}}}}},
        {"composer": 1, "nodes": {"a": {"inputs": {"x": "a:b"}}}},
        {"composer": 1, "nodes": {}, "outputs": {"training": {"y": {"training": "a"}}}},
    ],
)
def test_the_schema_for_editors_refuses_what_is_refused(document):
    with pytest.raises(ValueError, match="SpecDocument"):
        SpecDocument.model_validate(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SpecDocument.model_json_schema())


def test_faulty_values_are_marked_all_at_once_and_others_stay_the_same():
    document = locate({"a": {"b": 1, "c": {"d": 2}}, "e": 3}, "<dict>")
    found = document.marked_faulty([("a", "b"), ("a", "c", "d"), ("e",)])
    inner = found.value["a"]
    assert [each.faulty for each in (found, inner, inner.value["c"])] == [False] * 3
    assert [inner.value["b"].faulty, inner.value["c"].value["d"].faulty] == [True, True]
    assert found.value["e"].faulty
    assert document.marked_faulty().faulty
    assert document.marked_faulty([]) == document
    assert found.plain() == document.plain()
