import pytest

from composer import names as names_module
from composer.errors import NameResolutionError
from composer.names import did_you_mean, find_alike, find_names, resolve_name

PATHS = [
    "backbone.fpn",
    "roi_heads.stage0.box_head",
    "roi_heads.stage1.box_head",
    "roi_heads.mask_head",
    "box_head",
]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("roi_heads.mask_head", ["roi_heads.mask_head"]),
        ("mask_head", ["roi_heads.mask_head"]),
        ("box_head", ["box_head"]),
        ("stage1.box_head", ["roi_heads.stage1.box_head"]),
        ("head", []),
        ("roi_heads.stage*.box_head", PATHS[1:3]),
        ("stage*.box_head", PATHS[1:3]),
        ("*.fpn", ["backbone.fpn"]),
        ("*head", ["box_head"]),
        ("roi_heads.*", ["roi_heads.mask_head"]),
        ("stage*", []),
    ],
)
def test_name_means_itself_or_what_ends_in_it(name, found):
    assert find_names(name, PATHS) == found


def test_ambiguous_name_lists_what_it_could_be():
    with pytest.raises(NameResolutionError, match=r"could be a\.x, b\.x"):
        resolve_name("x", ["b.x", "a.x"])


def test_unknown_name_gets_the_closest_one():
    with pytest.raises(NameResolutionError, match=r"no dataset .trian.\. Did you mean .train.\?"):
        resolve_name("trian", ["train", "unseen"], "dataset")


def test_the_hint_goes_by_the_end_of_a_path():
    paths = ["roi_heads", "roi_heads.box_head", "roi_heads.box_pooler"]
    assert did_you_mean("box_hed", paths) == "Did you mean 'roi_heads.box_head'?"
    assert did_you_mean("roi_hed.box_head", paths) == "Did you mean 'roi_heads.box_head'?"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pooler", "Did you mean 'roi_heads.box_pooler' or 'roi_heads.mask_pooler'?"),
        ("roi_heads.pooler", "Did you mean 'roi_heads.box_pooler' or 'roi_heads.mask_pooler'?"),
        ("mask", "Did you mean 'roi_heads.mask_head' or 'roi_heads.mask_pooler'?"),
        ("box_hed", "Did you mean 'roi_heads.box_head'?"),
        ("heads", "Did you mean 'roi_heads'?"),
        ("box_poler", "Did you mean 'roi_heads.box_pooler'?"),
    ],
)
def test_the_hint_lists_all_names_with_the_words(name, hint):
    parts = ("box_head", "box_pooler", "mask_head", "mask_pooler")
    assert did_you_mean(name, ["roi_heads", *(f"roi_heads.{part}" for part in parts)]) == hint


def test_the_hint_lists_all_paths_with_the_end_that_is_meant():
    paths = ["stage0.box_head", "stage1.box_head", "stage2.box_head"]
    listed = "Did you mean 'stage0.box_head', 'stage1.box_head' or 'stage2.box_head'?"
    assert did_you_mean("box_hed", paths) == listed
    assert did_you_mean("stage1.box_hed", paths) == "Did you mean 'stage1.box_head'?"
    assert did_you_mean("box_hed", [*paths, "box_head"]) == "Did you mean 'box_head'?"


def test_the_hint_lists_few_names():
    assert did_you_mean("head", [f"s{n}.box_head" for n in range(99)]).count("'") == 2


def test_names_are_sorted_once_for_many_hints(monkeypatch):
    sorted_names = []

    class Counted(names_module._Arrangement):
        def __init__(self, names):
            sorted_names.append(len(names))
            super().__init__(names)

    monkeypatch.setattr(names_module, "_Arrangement", Counted)
    candidates = [f"counted.pooler_{i:04}" for i in range(3000)]
    hints = [did_you_mean(f"counted.pooler_{i:04}x", iter(candidates), "nodes") for i in range(30)]
    assert hints[7] == "Did you mean 'counted.pooler_0007'?"
    assert sorted_names == [3000]


def test_found_names_are_the_callers_own():
    find_alike("peeler", ["a.peeler_1", "b.peeler_1"]).clear()
    assert find_alike("peeler", ["a.peeler_1", "b.peeler_1"]) == ["a.peeler_1", "b.peeler_1"]
