"""Settings find values by address in several documents, and put others in their places."""

from typing import Any

import pytest
from pydantic import Field

from composer.documents import (
    DocumentPart,
    ProblemLog,
    SettableDocument,
    apply_settings,
    collect_settings,
    give_params,
    read_document,
    read_yaml,
)
from composer.errors import SpecError


class Rate(DocumentPart):
    start: float = 1.0
    end: float | None = None


class Step(DocumentPart):
    uses: str = "plain"
    with_: dict[str, Any] = Field({}, alias="with")
    rate: Rate | None = None
    name: str = ""

    @classmethod
    def list_options(cls, uses: str, written_in: str) -> list[str]:
        return {"plain": ["size", "name"], "other": ["depth"]}.get(uses, [])


class Plan(DocumentPart):
    rate: Rate = Rate()
    steps: list[Step] = Field([])
    parts: dict[str, Step] = Field({})
    weights: dict[str, float] = Field({})
    sizes: list[int] = Field([])


PLAN = """\
params: {root: here}
steps:
  - {uses: plain, with: {size: 3}}
  - {uses: other}
parts: {left: {name: "${root}"}, right: {}}
"""


def plan(*settings: str, text: str = PLAN, tmp_path=None) -> Plan:
    log = ProblemLog()
    document = SettableDocument(read_yaml(text, "plan.yaml", log), Plan, log)
    rest = give_params(collect_settings(settings, log), [document])
    for section in (document.settings, rest):
        apply_settings(section, [document], log)
    found = document.validated(None)
    log.raise_any()
    return found


def problem(*settings: str, text: str = PLAN) -> str:
    with pytest.raises(SpecError) as caught:
        plan(*settings, text=text)
    return " ".join(str(caught.value).split())


def test_fields_have_addresses_whether_they_are_written_or_not():
    found = plan("rate.start=2", "steps.1.rate.end=3", "parts.left.rate.start=4", "sizes=[1, 2]")
    assert found.rate.start == 2
    assert found.steps[1].rate == Rate(end=3)
    assert found.parts["left"].rate == Rate(start=4)
    assert found.sizes == [1, 2]


def test_options_go_without_the_word_with_unless_a_field_has_their_name():
    found = plan("steps.0.size=5", "steps.0.name=a", "steps.0.with.name=b")
    assert (found.steps[0].name, found.steps[0].with_) == ("a", {"size": 5, "name": "b"})


def test_options_follow_what_is_named_before():
    assert plan("steps.0.uses=other", "steps.0.with={}", "steps.0.depth=1").steps[0].with_ == {
        "depth": 1
    }
    assert "nothing to set at 'steps.0.depth'" in problem("steps.0.depth=1")


def test_unique_ends_and_the_section_with_an_end_do():
    assert plan("depth=5").steps[1].with_ == {"depth": 5}
    assert plan("left.name=a").parts["left"].name == "a"
    assert plan("parts.left.start=3").parts["left"].rate == Rate(start=3)
    assert "'start' is ambiguous; it could be parts.left.rate.start, parts.right" in problem(
        "start=3"
    )


def test_a_mapping_sets_several_fields_and_null_a_whole_section():
    found = plan("steps.0={name: a, rate: {end: 2}}")
    assert (found.steps[0].name, found.steps[0].rate) == ("a", Rate(end=2))
    assert found.steps[0].with_ == {"size": 3}
    assert plan("steps.0={rate: {end: 2}}", "steps.0.rate=null").steps[0].rate is None


def test_mappings_that_take_any_name_get_entries():
    assert plan("weights.loss=2", "weights.other=3").weights == {"loss": 2, "other": 3}


def test_wildcards_match_one_name_and_exact_addresses_beat_them():
    found = plan("parts.left.name=a", "parts.*.name=b")
    assert [part.name for part in found.parts.values()] == ["a", "b"]
    assert "nothing to set at 'parts.*.nam'" in problem("parts.*.nam=1")


def test_the_last_of_the_section_and_the_settings_wins():
    text = f"{PLAN}set: {{rate.start: 2, root: there}}\n"
    assert "nothing to set at 'root'" in problem(text=text)
    text = text.replace(", root: there", ", parts.right.name: '${root}'")
    found = plan(text=text)
    assert (found.rate.start, found.parts["right"].name) == (2, "here")
    found = plan("rate.start=8", "rate.start=9", "root=x", text=text.replace("2,", "1,"))
    assert (found.rate.start, found.parts["right"].name) == (9, "x")


def test_misspelt_addresses_are_told_with_the_closest_of_all():
    assert "Did you mean 'rate.start'?" in problem("rate.strat=1")
    assert "Did you mean 'steps.1.depth'?" in problem("dept=1")
    assert "Addresses begin with: parts, rate, sizes, steps, weights." in problem("q=1")


def test_values_have_the_places_of_their_settings(tmp_path):
    assert "--set rate.start=fast: 'rate.start': should be a number" in problem("rate.start=fast")
    file = tmp_path / "plan.yaml"
    file.write_text("set:\n  rate.start: fast\n")
    with pytest.raises(SpecError, match=r"plan\.yaml:2:15:\s+'rate\.start'"):
        read_document(file, Plan)
    with pytest.raises(SpecError, match=r"set rate\.start: 'rate\.start': should be a number"):
        read_document({}, Plan, set={"rate.start": "fast"})


@pytest.mark.parametrize(
    "section",
    [
        "{rate.start: 2, rate: {start: 3}}",
        "{rate: {start: 2}, rate.start: 3}",
        "{steps.0.size: 2, steps.0: {size: 3}}",
        "{steps.0.with.size: 2, steps.0.size: 3}",
    ],
)
def test_a_section_sets_a_value_once_in_whatever_spelling(section):
    text = PLAN + f"set: {section}\n"
    assert problem(text=text).count("is set twice: plan.yaml:6:") == 1


def test_a_later_option_sets_a_value_anew():
    text = PLAN + "set: {rate.start: 2}\n"
    assert plan("rate.start=3", "rate={start: 4}", text=text).rate.start == 4


def test_notes_on_params_name_what_keeps_their_values(caplog):
    text = "params: {r: 1}\nsizes: ['${r}']\nweights: {a: '${r}', b: '${r}'}\n"
    assert plan("weights.*=3", text=text).weights == {"a": 3.0, "b": 3.0}
    others = "had its value from the param 'r', which goes to sizes.0 too"
    assert [note.partition(": --set weights.*=3: ")[2] for note in caplog.messages] == [
        f"'weights.{name}' {others}" for name in "ab"
    ]
    caplog.clear()
    plan("weights.*=3", "sizes=[5]", text=text)
    assert len(caplog.messages) == 2
    assert "which goes to" not in caplog.text
