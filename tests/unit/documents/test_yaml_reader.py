"""YAML becomes values with places, by the core schema of YAML 1.2, and nothing else."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from composer.documents import ProblemLog, read_yaml
from composer.errors import SpecError


def read(text: str):
    log = ProblemLog()
    located = read_yaml(text, "spec.yaml", log)
    log.raise_any()
    return located


def complaint(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12", 12),
        ("-7", -7),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1e-5", 1e-5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ('"null"', "null"),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    found = read(f"key: {text}").get("key").value
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_number():
    assert math.isnan(read("key: .nan").get("key").value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**6), 10**6)
        | st.floats(allow_nan=False, width=32)
        | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_what_yaml_writes_is_read_back(value):
    text = yaml.safe_dump({"key": value}, allow_unicode=True)
    assert read(text).plain() == {"key": value}


def test_values_and_keys_know_their_places():
    root = read("a: 1\nlist:\n  - x\n  - {deep: word}\n")
    deep = root.get("list").value[1].get("deep")
    assert (deep.place.line, deep.place.column, deep.place.width) == (4, 12, 4)
    assert str(root.key_place("list")) == "spec.yaml:2:1"


def test_params_may_stand_unquoted_in_flow_mappings():
    text = "with: {depth: ${depth}, sizes: [${a}, x${b}y], name: word}"
    root = read(text)
    assert root.get("with").plain() == {
        "depth": "${depth}",
        "sizes": ["${a}", "x${b}y"],
        "name": "word",
    }
    assert root.get("with").get("name").place.column == text.index("word") + 1


def test_anchors_and_aliases_are_read():
    assert read("a: &one {x: 1}\nb: *one\n").plain() == {"a": {"x": 1}, "b": {"x": 1}}


def test_a_byte_order_mark_does_not_shift_places():
    root = read("\ufeffname: word")
    assert root.get("name").place.column == 7
    assert root.get("name").place.excerpt().endswith("name: word\n               ^^^^")


def test_an_unquoted_bracket_is_shown_where_it_breaks_the_syntax():
    assert complaint("a: 1\nb: [}\n") == (
        "spec.yaml:2:5: not valid YAML: while parsing a flow node: expected the node content, "
        "but found\n"
        "    '}'\n"
        "       2 | b: [}\n"
        "               ^\n"
        "1 problem."
    )


def test_an_open_bracket_is_said_to_begin_further_up():
    assert "(it begins at line 1)" in complaint("a: [1,\nb: 2\n")


def test_syntax_errors_show_params_as_they_were_written():
    assert "\ue000" not in complaint("a: {b: ${c}: d}\n")


def test_control_characters_are_refused_at_their_place():
    assert complaint("a: 1\nb: x\x01y\n").startswith("spec.yaml:2:5: the character U+0001")


def test_several_documents_are_refused():
    assert "single document" in complaint("a: 1\n---\nb: 2\n")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_document_is_refused(text):
    assert "the document is empty" in complaint(text)


def test_every_duplicate_key_is_noted_with_the_first_one():
    text = complaint("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert "spec.yaml:2:11: duplicate key 'c' (first at line 2)" in text
    assert "spec.yaml:3:1: duplicate key 'a' (first at line 1)" in text


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!!binary aGk=",
        "!!int '3'",
        "!local {a: 1}",
        "!!set {a}",
    ],
)
def test_tags_are_refused(text):
    message = " ".join(complaint(f"key: {text}").split())
    assert f"the tag '{text.split()[0]}' is not allowed: specs hold plain values only" in message


def test_keys_must_be_words():
    assert "a key must be a plain word" in complaint("? [a, b]\n: 1\n")


def test_a_billion_laughs_are_refused():
    lines = ["l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert "too large" in complaint("\n".join(lines))


def test_a_value_that_holds_itself_is_refused():
    assert "refers to itself" in complaint("a: &a [*a]\n")


@pytest.mark.parametrize("text", ["[" * 1500, "[" * 200 + "]" * 200, "{a: " * 1500])
def test_deep_documents_are_refused(text):
    assert "problem" in complaint(text)


def test_huge_documents_are_refused_before_they_are_parsed():
    assert "too large" in complaint("a: " + "x" * 20_000_000)


def test_numbers_beyond_all_measure_are_refused():
    assert "spec.yaml:1:4: this number is too large" in complaint("a: " + "9" * 10_000)


def test_a_large_document_is_read():
    root = read("\n".join(f"key{i}: [{i}, {i}]" for i in range(2000)))
    assert root.get("key1999").plain() == [1999, 1999]
