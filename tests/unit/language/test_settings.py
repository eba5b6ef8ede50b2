"""Settings by address: which value they mean, which of them wins, and what is told."""

import logging

import pytest

from composer.construction import check_source
from composer.errors import SpecError
from composer.language import load_spec, log_unchecked
from sample_nodes import NODES, Scale
from spec_folder import marked

INNER = """\
composer: 1
params: {begin: 1.0}
inputs: {x: any}
aliases: {second: b.start}
nodes:
  a: {uses: scale, inputs: {x: x}, with: {start: "${begin}"}}
  b: {uses: scale, inputs: {x: a}}
outputs: {y: b}
"""
OUTER = """\
composer: 1
params: {size: 3.0}
inputs: {x: any}
aliases: {first: one.a.start, both: "*.b.start"}
nodes:
  one: {spec: inner.yaml, inputs: {x: x}}
  two: {spec: inner.yaml, inputs: {x: one}, params: {begin: "${size}"}}
  last: {uses: scale, inputs: {x: two}}
outputs: {y: last}
"""


@pytest.fixture
def models(spec_folder):
    """Checks variants of a model with two nested graphs of two nodes each, and one node more."""
    spec_folder.write("inner.yaml", INNER)
    spec_folder.write("outer.yaml", OUTER)
    return spec_folder


def starts(blueprint):
    """The value `start` of each node."""
    document = blueprint.spec.document

    def find(nodes, prefix):
        for name, node in nodes.items():
            if "nodes" in node:
                yield from find(node["nodes"], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", node["with"]["start"]

    return dict(find(document["nodes"], ""))


def variant(settings, more=""):
    lines = "".join(f"  {line}\n" for line in settings)
    return f"composer: 1\nextends: outer.yaml\nnodes: {{}}\n{more}" + ("set:\n" + lines) * bool(
        lines
    )


@pytest.mark.parametrize(
    ("address", "changed"),
    [
        ("one.a.start", ["one.a"]),
        ("last.start", ["last"]),
        ("one.begin", ["one.a"]),
        ("two.begin", ["two.a"]),
        ("size", ["two.a"]),
        ("first", ["one.a"]),
        ("both", ["one.b", "two.b"]),
        ("one.second", ["one.b"]),
        ("*.a.start", ["one.a", "two.a"]),
        ("t*.*.start", ["two.a", "two.b"]),
        ("*.begin", ["one.a", "two.a"]),
        ("o*.b.st*", ["one.b"]),
    ],
)
def test_an_address_means_one_value_or_all_that_it_matches(models, address, changed):
    for found in (
        models.check(OUTER, set={address: 7.0}),
        models.check(OUTER, set=[f"{address}=7.0"]),
        models.check(variant([f'"{address}": 7.0'])),
    ):
        values = starts(found)
        assert [path for path, start in values.items() if start == 7.0] == changed


def test_a_mapping_sets_several_keys_of_a_node_or_of_each_that_matches(models):
    found = models.check(OUTER, set={"one.*": {"start": 7.0, "norm": "GN"}, "last": {"norm": "BN"}})
    norms = {path: node.config["norm"] for path, node in found.nodes.items()}
    assert norms == {"one.a": "GN", "one.b": "GN", "two.a": "", "two.b": "", "last": "BN"}


def test_a_mapping_for_a_nested_graph_sets_its_params_and_nodes(models):
    found = models.check(OUTER, set={"one": {"begin": 5.0, "b": {"start": 6.0}}})
    assert starts(found)["one.a"] == 5.0
    assert starts(found)["one.b"] == 6.0


def test_settings_of_a_document_win_over_what_nodes_are_handed(models):
    found = models.check(variant(["two.begin: 7.0"]))
    assert starts(found)["two.a"] == 7.0


def test_the_outer_wins_over_the_inner_and_what_is_given_over_both(models):
    models.write("inner.yaml", INNER + "set: {b.start: 4.0, a.start: 4.0}\n")
    text = OUTER.replace(
        "{spec: inner.yaml, inputs: {x: x}}",
        "{spec: inner.yaml, inputs: {x: x}, set: {b.start: 5.0}}",
    )
    assert starts(models.check(text))["one.b"] == 5.0
    assert starts(models.check(text))["one.a"] == 4.0
    assert starts(models.check(text + "set: {one.b.start: 6.0}\n"))["one.b"] == 6.0
    assert (
        starts(models.check(text + "set: {one.b.start: 6.0}\n", set=["one.b.start=7"]))["one.b"]
        == 7
    )


def test_settings_of_a_graph_in_place_count_from_it(models):
    text = """\
        composer: 1
        inputs: {x: any}
        nodes:
          g:
            inputs: {x: x}
            set: {a.start: 9.0}
            nodes: {a: {uses: scale, inputs: {x: x}}}
            outputs: {y: a}
        outputs: {y: g}
        """
    assert starts(models.check(text)) == {"g.a": 9.0}


def test_own_settings_win_over_those_of_the_base_and_null_deletes_them(models):
    models.write(
        "base.yaml", OUTER + "set: {one.b.start: 4.0, two.b.start: 4.0, last.start: 4.0}\n"
    )
    text = variant(['"*.b.start": 5.0', "last.start: null"]).replace("outer.yaml", "base.yaml")
    found = starts(models.check(text))
    assert (found["one.b"], found["two.b"], found["last"]) == (5.0, 5.0, 2.0)


def test_an_exact_address_beats_a_pattern_of_the_same_section(models):
    found = starts(models.check(variant(["one.b.start: 4.0", '"*.b.start": 5.0'])))
    assert (found["one.b"], found["two.b"]) == (4.0, 5.0)
    given = models.check(variant(["one.b.start: 4.0"]), set={"*.b.start": 6.0})
    assert starts(given)["one.b"] == 6.0


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("one.a.strat", "node 'one.a' has no configuration 'strat'", "Did you mean 'start'?"),
        ("*.a.strat", "none of one.a, two.a has a configuration 'strat'", ""),
        ("thre.a.start", "there is nothing to set at 'thre.a.start'", "Did you mean"),
        ("sise", "there is nothing to set at 'sise'", "Did you mean 'size'?"),
        (
            "start",
            "'start' is ambiguous; it could be last.start, one.a.start, one.b.start, "
            "two.a.start, two.b.start",
            "",
        ),
        ("begin", "'begin' is ambiguous; it could be one.begin, two.begin", ""),
        (
            "one.a",
            "'one.a' is a node: name one of its settings, or give a mapping of them",
            "Settings: one.a.",
        ),
        (
            "one",
            "'one' is a nested graph: name one of its settings, or give a mapping of them",
            "Settings: one.",
        ),
        (
            "nodes",
            "'nodes' is a section of the spec; settings are of params and nodes",
            "Settings: ",
        ),
        ("x*.start", "there is nothing to set at 'x*.start'", "Did you mean"),
    ],
)
def test_an_address_that_means_nothing_or_several_things_is_pointed_at(
    models, address, message, hint
):
    problem = models.problem(variant([f'"{address}": 7.0']))
    assert problem.message == message
    assert problem.hint.startswith(hint)
    assert marked(problem) == f'"{address}"'
    assert problem == models.problem(variant([f'"{address}": 7.0']))


def test_an_alias_that_means_nothing_is_pointed_at_though_nobody_uses_it(models):
    problem = models.problem(variant([], "aliases: {a: one.a.strat}\n"))
    assert problem.message == "node 'one.a' has no configuration 'strat'"
    assert marked(problem) == "one.a.strat"


@pytest.mark.parametrize(
    ("alias", "message", "shown"),
    [
        ("own: own", "'own' is an alias itself; an alias is of a param or of a node's", "own"),
        ("b: first", "'first' is an alias itself", "first"),
        ("a: one.a", "'one.a' is a node: an alias is of one of its settings", "one.a"),
    ],
)
def test_an_alias_is_of_a_setting(models, alias, message, shown):
    problem = models.problem(variant([], f"aliases: {{{alias}}}\n"))
    assert problem.message.startswith(message)
    assert marked(problem) == shown


@pytest.mark.parametrize(("name", "kind"), [("size", "param"), ("one", "node")])
def test_an_alias_that_hides_a_name_is_noted(models, name, kind, caplog):
    models.check(variant([], f"aliases: {{{name}: last.start}}\n"))
    assert f"spec.yaml:4:11: the alias '{name}' hides the {kind} '{name}'" in caplog.text


def test_a_setting_by_a_wrong_alias_is_no_second_problem(models):
    text = variant(["a: 3"], "aliases: {a: one.a}\n")
    assert "alias is of one" in models.problem(text).message


def test_an_alias_of_a_base_goes_with_the_node_that_it_names(models):
    text = variant([], "").replace("nodes: {}", "nodes: {one: null, two: {inputs: {x: x}}}")
    found = models.check(text)
    assert list(found.spec.resolved.aliases) == ["both", "two.second"]
    assert found.spec.document["aliases"] == {"both": "*.b.start"}
    assert "there is nothing to set at 'first'" in models.complain(text, set={"first": 1.0})


def test_an_alias_that_has_gone_hides_no_address_of_its_name(models):
    models.write("base.yaml", OUTER.replace("first: one.a.start", "norm: one.a.norm"))
    text = variant([], "").replace("outer.yaml", "base.yaml")
    text = text.replace("{}", "{one: null, two: null, last: {inputs: {x: x}}}")
    assert models.check(text, set={"norm": "GN"}).nodes["last"].config["norm"] == "GN"


@pytest.mark.parametrize(
    "settings",
    [
        "set: {last.start: 4.0, last: {norm: GN}, one.b: {start: 4.0}}\n",
        "set: {one: {b: {start: 4.0}}, last: {start: 4.0, norm: GN}}\n",
        'set: {"one.*.start": 4.0, last.norm: GN}\n',
    ],
)
def test_settings_of_a_base_go_with_the_node_that_becomes_another(models, settings):
    models.write("base.yaml", OUTER + settings)
    text = variant([], "").replace("outer.yaml", "base.yaml")
    assert starts(models.check(text))["one.b"] == 4.0
    other = "{last: {uses: rescale}, one: {nodes: {b: null}, outputs: {y: a}}}"
    found = models.check(text.replace("{}", other), nodes={**NODES, "rescale": Scale}).nodes
    assert found["last"].config == {"start": 2.0, "norm": ""}
    assert "one.b" not in found


def test_settings_of_a_base_stay_where_another_nested_graph_has_what_they_name(models):
    models.write("other.yaml", INNER.replace("b: {", "c: {").replace("b.start", "c.start"))
    models.write("base.yaml", OUTER + "set: {one.a.start: 4.0, one.b.start: 4.0}\n")
    text = variant([], "").replace("outer.yaml", "base.yaml")
    text = text.replace("{}", "{one: {spec: other.yaml, outputs: {y: c}}}")
    assert starts(models.check(text))["one.a"] == 4.0


def test_what_a_document_says_itself_of_a_node_that_it_replaces_is_checked(models):
    models.write("base.yaml", OUTER + "set: {last.start: 4.0}\n")
    text = variant(["last.start: 5.0"]).replace("outer.yaml", "base.yaml")
    message = models.complain(text.replace("nodes: {}", "nodes: {last: {uses: shift}}"))
    assert "node 'last' has no configuration 'start'" in message
    models.write("typo.yaml", OUTER + "set: {last.strat: 4.0}\n")
    assert "has no configuration 'strat'" in models.complain(
        variant([]).replace("outer.yaml", "typo.yaml")
    )


def test_an_alias_comes_before_a_param_and_a_param_before_other_addresses(models):
    text = variant([], "aliases: {size: last.start}\n")
    assert [p for p, v in starts(models.check(text, set={"size": 7.0})).items() if v == 7.0] == [
        "last"
    ]
    assert (
        starts(models.check(variant([], "params: {start: 1}\n"), set={"start": 7}))["last"] == 2.0
    )


def test_a_param_whose_name_nodes_have_too_is_ambiguous_unless_it_feeds_them(models):
    models.write("inner.yaml", INNER.replace("begin", "start"))
    text = OUTER.replace('params: {begin: "${size}"}', "params: {start: 5.0}")
    assert "last.start" in models.complain(text, set={"start": 7.0})
    assert starts(models.check(text, set={"two.start": 7.0}))["two.a"] == 7.0


def test_params_that_choose_a_file_are_set_before_it_is_read(models):
    models.write("other.yaml", INNER.replace("begin: 1.0", "begin: 1.0, more: 1"))
    text = OUTER.replace("params: {size: 3.0}", "params: {size: 3.0, file: inner.yaml}")
    text = text.replace("one: {spec: inner.yaml", 'one: {spec: "${file}"')
    found = models.check(text, set={"one.more": 2, "file": "other.yaml"})
    assert found.spec.resolved.params["one.more"].value == 2
    assert "there is nothing to set at 'one.more'" in models.complain(text, set={"one.more": 2})


def test_settings_of_params_that_never_come_to_rest_are_refused(models):
    text = OUTER + 'set: {size: "x${size}"}\n'
    assert "settings of params refer to each other in a ring" in models.complain(text)


def test_replacing_what_a_param_brought_is_reported(models, caplog):
    with caplog.at_level(logging.WARNING):
        found = models.check(OUTER, set={"two.a.start": 7.0})
    (note,) = found.spec.notes
    assert note == "set two.a.start: 'two.a.start' had its value from the param 'two.begin'"
    assert note in caplog.text
    text = OUTER.replace("with: {}", "").replace(
        "last: {uses: scale, inputs: {x: two}}",
        'last: {uses: scale, inputs: {x: two}, with: {start: "${size}"}}',
    )
    (note,) = models.check(text, set={"two.begin": 7.0}).spec.notes
    assert note.endswith("from the param 'size', which goes to last.start too")
    assert models.check(text, set={"size": 7.0}).spec.notes == ()


def test_a_param_that_nothing_uses_is_told(models):
    (note,) = models.check(variant([], "params: {depth: 18}\n")).spec.notes
    assert note.startswith("spec.yaml:4:10: the param 'depth' is used nowhere")
    assert (
        models.check(variant(["last.start: '${begin}'"], "params: {begin: 1.0}\n")).spec.notes == ()
    )


def test_params_are_handed_on_by_a_list_of_their_names(models):
    text = OUTER.replace('params: {begin: "${size}"}', "params: [begin]")
    text = text.replace("params: {size: 3.0}", "params: {begin: 3.0, start: 4.0}")
    text = text.replace(
        "{uses: scale, inputs: {x: two}}", "{uses: scale, inputs: {x: two}, with: [start]}"
    )
    found = starts(models.check(text, set={"begin": 7.0}))
    assert (found["one.a"], found["two.a"], found["last"]) == (1.0, 7.0, 4.0)
    problem = models.problem(text.replace("[start]", "[begins]"))
    assert problem.message == "unknown param 'begins'"
    assert marked(problem) == "begins"


@pytest.mark.parametrize(
    "key", ["params: [1]", "params: ['a b']", "params: 3", "set: 3", "set: [a]"]
)
def test_what_is_no_mapping_and_no_list_of_names_is_refused(models, key):
    text = OUTER.replace("two: {spec: inner.yaml,", f"two: {{spec: inner.yaml, {key},")
    text = text.replace(', params: {begin: "${size}"}', "")
    assert "mapping" in models.complain(text)


def test_a_text_that_is_no_address_is_pointed_at(models):
    assert "'a b' is no address" in models.complain(variant(['"a b": 1']))


def test_without_plugins_params_are_set_and_nodes_found(models):
    models.write("spec.yaml", OUTER)
    spec = load_spec("spec.yaml", set={"one.begin": 7.0, "last.anything": 1})
    assert spec.document["nodes"]["one"]["nodes"]["a"]["with"] == {"start": 7.0}
    assert spec.document["set"] == {"last.anything": 1}
    with pytest.raises(SpecError, match="there is nothing to set at 'lost"):
        load_spec("spec.yaml", set={"lost.anything": 1})


@pytest.mark.parametrize(
    ("settings", "address", "marks"),
    [
        (["one.a.start: 1.0", "one: {a.start: 2.0}"], "one.a.start", ["a.start"]),
        (["one.a: {start: 1.0}", "one: {a: {start: 2.0}}"], "one.a.start", ["start"]),
        (["last.start: 1.0", "first: 1.0", "one.a.start: 1.0"], "one.a.start", ["one.a.start"]),
        (["one.begin: 1.0", "one: {begin: 1.0}"], "one.begin", ["begin"]),
        (["one: {b.start: 1.0, b: {start: 1.0}, second: 2.0}"], "one.b.start", ["start", "second"]),
    ],
)
def test_a_section_sets_a_value_once_in_whatever_spelling(models, settings, address, marks):
    problems = models.problems(variant(settings))
    assert [marked(problem) for problem in problems] == marks
    for problem in problems:
        assert problem.message.startswith(f"'{address}' is set twice: spec.yaml:")


def test_values_of_python_set_one_once_too(models):
    document = {"composer": 1, "extends": str(models.path / "outer.yaml"), "nodes": {}}
    twice = {**document, "set": {"one.a.start": 1.0, "one": {"a": {"start": 2.0}}}}
    with pytest.raises(SpecError, match=r"set\.one\.a\.start: 'one\.a\.start' is set twice"):
        check_source(twice, nodes=NODES)


def test_patterns_later_documents_and_later_options_set_a_value_anew(models):
    models.write("over.yaml", variant(["last.start: 1.0", "one.a.start: 1.0"]))
    text = "composer: 1\nextends: over.yaml\nnodes: {}\nset: {last: {start: 2.0}, '*.start': 3.0}\n"
    found = starts(models.check(text, set=["one.a.start=4", "one={a: {start: 5}}"]))
    assert (found["last"], found["one.a"]) == (2.0, 5.0)


def test_an_address_that_only_plugins_make_clear_is_told(models, caplog):
    models.write("spec.yaml", OUTER)
    spec = load_spec("spec.yaml", set={"start": 7.0, "last.norm": "GN", "size": 1.0})
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        log_unchecked(spec)
    assert caplog.messages == ["note: set start: 'start' is checked with the plugins only"]


def test_a_checked_document_says_every_value_and_reads_as_itself(models):
    document = models.check(OUTER, set={"*.b.start": 7.0, "size": 8.0}).spec.document
    assert document["nodes"]["last"]["with"] == {"start": 2.0, "norm": ""}
    assert "set" not in document
    assert document["aliases"] == {"first": "one.a.start", "both": "*.b.start"}
    models.write("again.yaml", str(document))
    again = models.check(str(document), set={"first": 9.0})
    assert starts(again) == {"one.a": 9.0, "one.b": 7.0, "two.a": 8.0, "two.b": 7.0, "last": 2.0}


@pytest.mark.parametrize("first", ["one.a.start", "one.*.start"])
def test_an_exact_address_beats_a_pattern_in_any_order(models, first):
    second = {"one.a.start": "one.*.start", "one.*.start": "one.a.start"}[first]
    values = {"one.a.start": 7.0, "one.*.start": 5.0}
    pairs = [(first, values[first]), (second, values[second])]
    found = models.check(OUTER, set=pairs)
    assert starts(found)["one.a"] == 7.0
    assert starts(found)["one.b"] == 5.0


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("model", "Addresses in a spec go without 'model.', unlike an experiment's."),
        ("model.last.start", "go without 'model.', unlike an experiment's: 'last.start'."),
        ("xyz", "Addresses begin with: both, first, last, one, size, two."),
    ],
)
def test_an_address_like_none_leads_to_those_that_are(models, address, hint):
    assert hint in " ".join(models.complain(OUTER, set={address: 3}).split())


def test_params_are_set_by_their_names_alone(spec_folder):
    text = """\
        composer: 1
        params: {size: 1.0}
        inputs: {x: any}
        nodes: {a: {uses: scale, inputs: {x: x}, with: {start: "${size}"}}}
        """
    problem = spec_folder.problem(text, set=["params.size=2.0"])
    assert problem.hint == "Params are set by their names alone: 'size'."


def test_a_param_that_is_set_twice_is_noted_where_it_is_set_last(spec_folder, caplog):
    spec_folder.write(
        "spec.yaml",
        """\
        composer: 1
        extends: mask_rcnn_r50_fpn
        set: {roi_heads.num_classes: 4, "*.num_classes": 5}
        nodes: {}
        """,
    )
    load_spec("spec.yaml")
    assert caplog.messages == [
        "note: spec.yaml:3:7: 'roi_heads.num_classes' had its value from the param 'num_classes'"
    ]
