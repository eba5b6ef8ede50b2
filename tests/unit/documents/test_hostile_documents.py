"""Documents that nobody writes on purpose are refused at a place, fast, without a traceback."""

import os

import pytest

from composer.documents import (
    ProblemLog,
    locate,
    parse_value,
    read_root,
    read_yaml,
    substitute_params,
)
from composer.errors import SpecError


def refuse(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_value(text, "spec.yaml")
    return str(caught.value)


def put_in_place(text: str) -> dict:
    log = ProblemLog()
    root = substitute_params(read_yaml(text, "spec.yaml", log), {}, log)[0]
    log.raise_any()
    return root.plain()


@pytest.mark.parametrize("escape", ["\\ud800", "\\uDFFF", "\\0", "\\e[31m", "\\uFFFE", "\\x9b"])
@pytest.mark.parametrize("form", ['a: "{}"', '"{}": 1', 'a: ["x{}y"]'])
def test_characters_that_no_document_may_hold_are_refused_as_escapes(escape, form):
    assert "spec.yaml:1:" in (text := refuse(form.format(escape)))
    assert "may not stand in YAML" in text


def test_surrogates_that_json_escapes_in_pairs_are_one_character():
    assert read_yaml('{"a": "\\ud83d\\ude00"}', "a.json", ProblemLog()).plain() == {
        "a": "\U0001f600"
    }


def test_characters_of_private_use_are_kept():
    text = "a: '\ue000 \ue001'\nb: ${p}\nc: {d: ${p}}\n"
    found = read_yaml(text, "spec.yaml", ProblemLog()).plain()
    assert found == {"a": "\ue000 \ue001", "b": "${p}", "c": {"d": "${p}"}}


@pytest.mark.parametrize("value", ["\ud800", "a\0b", "\x1b[31m", {"\ud800": 1}, [["\ufffe"]]])
def test_plain_values_may_not_hold_them_either(value):
    with pytest.raises(SpecError, match="may not stand"):
        locate({"key": value}, "<dict>")


@pytest.mark.parametrize(
    "number", ["9" * 5000, "-" + "9" * 4000, "0x" + "f" * 5000, "0o" + "7" * 9999]
)
def test_whole_numbers_of_thousands_of_digits_are_refused(number):
    assert "spec.yaml:1:4: this number is too large" in refuse(f"a: {number}")
    with pytest.raises(SpecError, match="this number is too large"):
        locate({"a": 10**5000}, "<dict>")


def test_a_number_of_three_hundred_digits_is_one():
    assert read_yaml("a: " + "9" * 300, "s", ProblemLog()).plain() == {"a": int("9" * 300)}


@pytest.mark.parametrize(
    "text",
    [
        *(each * 100_000 for each in ("[", "{a: ", "- ", "? ")),
        "[" * 102 + "]" * 102,
        "".join(" " * depth + "a:\n" for depth in range(1000)),
    ],
)
def test_deep_documents_are_refused_without_recursion(text):
    assert "spec.yaml:" in refuse(text)


def test_a_chain_of_ten_thousand_params_is_resolved():
    links = [f"  p{i}: ${{p{i - 1}}}\n" for i in range(1, 10_000)]
    for lines in (links, reversed(links)):
        found = put_in_place("params:\n  p0: 7\n" + "".join(lines) + "a: ${p9999}\n")
        assert found["a"] == 7


def test_a_ring_of_ten_thousand_params_is_refused():
    links = "".join(f"  p{i}: ${{p{(i - 1) % 10_000}}}\n" for i in range(10_000))
    with pytest.raises(SpecError, match="params refer to each other in a ring"):
        put_in_place(f"params:\n{links}a: 1\n")


def test_lists_that_params_nest_are_refused_when_they_are_too_deep():
    links = "".join(f"  p{i}: ['${{p{i - 1}}}']\n" for i in range(1, 5000))
    with pytest.raises(SpecError, match="the params make the document too deep"):
        put_in_place(f"params:\n  p0: 1\n{links}a: 1\n")


def test_aliases_may_not_repeat_much_more_than_is_written():
    lines = ["l0: &l0 [" + "1, " * 500 + "1]"]
    lines += [f"l{i}: &l{i} [*l{i - 1}, *l{i - 1}]" for i in range(1, 30)]
    assert "too large" in refuse("\n".join(lines))


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**32)
    for name, reason in [
        ("pipe", "it is a pipe, not a file"),
        ("folder", "it is a folder, not a file"),
        ("sparse", "it has 4 GiB, and a document at most 16 MiB"),
        ("x" * 300, "too long"),
        ("a\0b", "null"),
        ("missing\udcff", "No such file"),
    ]:
        with pytest.raises(SpecError) as caught:
            read_root(tmp_path / name, ProblemLog())
        assert reason in caught.value.problems[0].message
    with pytest.raises(SpecError, match="it is a device, not a file"):
        read_root("/dev/zero", ProblemLog())


def test_a_hundred_problems_are_shown_and_all_are_kept():
    log = ProblemLog()
    read_yaml("a: 1\n" * 5001, "spec.yaml", log)
    with pytest.raises(SpecError) as caught:
        log.raise_any()
    assert len(caught.value.problems) == 5000
    assert str(caught.value).endswith("5000 problems. The first 100 are shown.")
    assert str(caught.value).count("duplicate key") == 100


def test_hints_are_searched_for_in_the_first_problems_only():
    log, searched = ProblemLog(), []
    read_yaml("a: 1", "spec.yaml", log)
    place = locate({}, "s").place
    for number in range(1000):
        log.add(place, f"problem {number}", lambda: searched.append(1) or "hint")
        log.add(place, f"problem {number}", lambda: searched.append(1) or "hint")
    assert len(searched) == 50


def test_a_message_has_no_value_of_megabytes():
    assert len(refuse("a: 1\n" + f"{'k' * 1_000_000}: 1\n" * 2)) < 5000
