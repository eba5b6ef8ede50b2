import pytest

from composer.documents import (
    ProblemLog,
    collect_settings,
    locate_settings,
    parse_settings,
    read_settings,
    read_yaml,
)
from composer.errors import SpecError


def test_text_gives_address_and_value_in_yaml():
    log = ProblemLog()
    found = parse_settings(["backbone.fpn.norm=GN", "roi_heads.stage*.box_head.dims=[1, 2]"], log)
    assert [(s.address, s.value.plain(), s.is_pattern) for s in found] == [
        ("backbone.fpn.norm", "GN", False),
        ("roi_heads.stage*.box_head.dims", [1, 2], True),
    ]
    assert not log


@pytest.mark.parametrize("text", ["norm", "a..b=1", "=1", "a b=1", "a.=1", "x=[1"])
def test_text_that_is_no_setting_is_a_problem(text):
    log = ProblemLog()
    assert parse_settings([text], log) == []
    with pytest.raises(SpecError, match="--set"):
        log.raise_any()


def test_section_keeps_the_places_of_addresses():
    log = ProblemLog()
    document = read_yaml("set:\n  backbone.fpn: {norm: GN}\n  depth: 101\n", "x.yaml", log)
    first, second = read_settings(document.get("set"), log)
    assert (str(first.place), first.value.plain()) == ("x.yaml:2:3", {"norm": "GN"})
    assert (str(second.place), second.value.plain()) == ("x.yaml:3:3", 101)


def test_values_of_python_are_located():
    log = ProblemLog()
    (setting,) = locate_settings({"depth": 101}, "set", log)
    assert (str(setting.place), setting.value.plain()) == ("set depth", 101)
    locate_settings({"depth": object()}, "set", log)
    with pytest.raises(SpecError, match="plain values"):
        log.raise_any()


def test_one_text_is_one_setting():
    (setting,) = collect_settings("norm=GN", ProblemLog())
    assert (setting.address, setting.value.plain()) == ("norm", "GN")


def test_an_address_that_is_no_text_is_a_problem():
    log = ProblemLog()
    assert collect_settings({1: 3}, log) == []
    with pytest.raises(SpecError, match="an address is a text, not 1"):
        log.raise_any()
