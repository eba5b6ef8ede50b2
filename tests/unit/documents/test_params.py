"""Params: defaults, values from outside, uses in texts, and what can be wrong with them."""

import pytest

from composer.errors import SpecError
from composer.language import load_spec
from spec_folder import marked


def load(defaults, config, **options):
    """The configuration of a node of a spec with params."""
    document = {"composer": 1, "params": defaults, "nodes": {"a": {"uses": "x", "with": config}}}
    return load_spec(document, **options).document["nodes"]["a"]["with"]


def complaint(defaults, config, **options):
    with pytest.raises(SpecError) as caught:
        load(defaults, config, **options)
    return str(caught.value)


@pytest.mark.parametrize("value", [3, 0.5, True, None, "word", [1, [2]], {"a": {"b": 1}}])
def test_a_lone_use_keeps_the_type_of_the_value(value):
    assert load({"p": value}, {"key": "${p}"}) == {"key": value}


@pytest.mark.parametrize(
    ("value", "text"), [(3, "x3y"), (0.5, "x0.5y"), (True, "xtruey"), (None, "xnully"), ("", "xy")]
)
def test_a_use_in_a_text_is_written_as_yaml_writes_it(value, text):
    assert load({"p": value}, {"key": "x${p}y"}) == {"key": text}


def test_spaces_inside_the_braces_do_not_count():
    assert load({"p": 3}, {"key": "${ p }", "text": "a${ p }b"}) == {"key": 3, "text": "a3b"}


def test_several_uses_stand_in_one_text():
    assert load({"a": 1, "b": 2}, {"key": "${a}-${b}-${a}"}) == {"key": "1-2-1"}


def test_uses_are_replaced_inside_lists_and_mappings():
    config = {"list": ["${p}", {"inner": "${p}"}]}
    assert load({"p": 3}, config) == {"list": [3, {"inner": 3}]}


def test_params_may_use_each_other_in_any_order():
    params = {"first": "${second}", "second": "${third}", "third": 7}
    assert load(params, {"key": "${first}"}) == {"key": 7}


def test_two_dollars_stand_for_one():
    spec = load_spec({"composer": 1, "doc": "$5, $$5, $${p}", "nodes": {}})
    assert spec.doc == "$5, $5, ${p}"


def test_a_document_with_escapes_reads_as_itself():
    config = {"key": "$${p} $$$$ $1 ${p}"}
    document = {"composer": 1, "params": {"p": 1}, "nodes": {"a": {"uses": "x", "with": config}}}
    once = load_spec(document).document
    assert load_spec(once).document == once
    assert load_spec(once).graph.nodes["a"].config.plain() == {"key": "${p} $$ $1 1"}


def test_given_values_replace_defaults():
    assert load({"p": 1, "q": "${p}"}, {"key": "${q}"}, set={"p": 2}) == {"key": 2}


def test_settings_are_yaml_and_come_after_given_values():
    params = {"p": 1, "q": 2, "r": 3, "s": 4}
    config = {name: f"${{{name}}}" for name in params}
    settings = ["p=[1, x]", "q=", "r= 1e-3 ", "s=a=b"]
    found = load(params, config, set=[("p", 5), *settings])
    assert found == {"p": [1, "x"], "q": "", "r": 1e-3, "s": "a=b"}


def test_a_dollar_in_a_given_value_has_no_meaning():
    document = {"composer": 1, "params": {"p": 1}, "nodes": {"a": {"uses": "x", "doc": "${p}"}}}
    for given in ({"p": "${p} $$"}, ["p=${p} $$"]):
        spec = load_spec(document, set=given)
        assert spec.graph.nodes["a"].doc == "${p} $$"
        assert spec.params == {"p": "${p} $$"}


def test_values_are_handed_to_nested_specs_as_they_are(spec_folder):
    spec_folder.write(
        "inner.yaml",
        "composer: 1\nparams: {t: 1, u: 2}\nnodes: {a: {uses: x, with: {t: '${t}', u: '${u}'}}}\n",
    )
    text = "composer: 1\nnodes: {n: {spec: inner.yaml, params: {t: '$${u}'}}}\n"
    spec = load_spec(spec_folder.write("outer.yaml", text))
    assert spec.graph.nodes["n"].graph.nodes["a"].config.plain() == {"t": "${u}", "u": 2}


def test_params_are_those_of_the_file_that_uses_them(spec_folder):
    inner = "composer: 1\nparams: {k: 2}\nnodes: {a: {uses: x, with: {k: '${k}'}}}\n"
    spec_folder.write("inner.yaml", inner)
    m = "{spec: inner.yaml, params: {k: '${k}'}}"
    text = f"composer: 1\nparams: {{k: 3}}\nnodes: {{n: {{spec: inner.yaml}}, m: {m}}}\n"
    nodes = load_spec(spec_folder.write("outer.yaml", text)).graph.nodes
    assert nodes["n"].graph.nodes["a"].config.plain() == {"k": 2}
    assert nodes["m"].graph.nodes["a"].config.plain() == {"k": 3}


def test_an_unknown_param_gets_the_closest_name(spec_folder):
    problem = spec_folder.problem(
        """\
        composer: 1
        params: {depth: 50}
        nodes:
          a: {uses: scale, with: {start: "${dept}"}}
        """
    )
    assert problem.message == "unknown param 'dept'"
    assert problem.hint == "Did you mean 'depth'?"
    assert marked(problem) == '"${dept}"'


@pytest.mark.parametrize(("given", "place"), [({"b.q": 1}, "set b.q"), (["b.q=1"], "--set b.q=1")])
def test_an_unknown_name_from_outside_is_refused(given, place):
    start = f"{place}: there is nothing to set at 'b.q'"
    assert complaint({"p": 1}, {}, set=given).startswith(start)


def test_a_setting_without_a_value_is_refused_with_all_other_problems():
    text = complaint({"p": 1}, {"key": "${q}"}, set=["p", "p=[1", "p=!!int 3"])
    assert "--set p: a setting is ADDRESS=VALUE" in text
    assert "--set p=[1: not valid YAML" in text
    assert "the tag '!!int' is not allowed" in text
    assert "unknown param 'q'" in text


def test_a_given_value_must_be_plain():
    text = complaint({"p": 1}, {}, set={"p": {"inner": object()}})
    assert text.startswith("set p.inner: a spec holds plain values only, not object")


def test_a_ring_of_params_is_shown_once():
    text = complaint({"a": "${b}", "b": "x${c}", "c": "${a}"}, {"key": "${b}"})
    assert "params refer to each other in a ring: a -> b -> c -> a" in text
    assert text.endswith("1 problem.")


def test_a_list_cannot_stand_inside_a_text():
    assert "param 'p' cannot stand inside a text" in complaint({"p": [1]}, {"key": "x${p}"})


@pytest.mark.parametrize("text", ["${a b}", "${", "x${p", "${}", "${p.q}", "${a-b}"])
def test_what_only_looks_like_a_use_is_refused(text):
    assert "is not the use of a param" in complaint({"p": 1}, {"key": text})


def test_values_that_grow_beyond_all_measure_are_refused():
    lists = {"p0": ["x"] * 10} | {f"p{i}": [f"${{p{i - 1}}}"] * 10 for i in range(1, 12)}
    assert "too large" in complaint(lists, {"key": "${p11}"})
    texts = {"p0": "x" * 10} | {f"p{i}": f"${{p{i - 1}}}" * 10 for i in range(1, 12)}
    assert "too large" in complaint(texts, {"key": "${p11}"})
