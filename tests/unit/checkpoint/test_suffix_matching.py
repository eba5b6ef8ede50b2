import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.checkpoint.suffix_matching import match_by_suffix
from composer.errors import CheckpointError

keys = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(".".join)


def test_the_longest_ending_wins():
    available = ["weight", "conv1.weight", "res2.0.conv1.weight"]
    wanted = ["backbone.res2.0.conv1.weight", "backbone.stem.conv1.weight", "head.weight"]
    assert match_by_suffix(wanted, available) == {
        "backbone.res2.0.conv1.weight": "res2.0.conv1.weight",
        "backbone.stem.conv1.weight": "conv1.weight",
        "head.weight": "weight",
    }


def test_an_ending_begins_after_a_dot():
    assert match_by_suffix(["backbone.xconv1.weight"], ["conv1.weight"]) == {}


def test_one_key_for_two_places_is_an_error_that_names_both():
    with pytest.raises(CheckpointError, match=r"'fc\.weight' fits both 'a\.fc\.weight' and 'b\.fc"):
        match_by_suffix(["a.fc.weight", "b.fc.weight"], ["fc.weight"])


@given(st.sets(keys), st.sets(keys))
def test_it_finds_what_a_comparison_of_all_pairs_finds(wanted, available):
    best = {}
    for key in wanted:
        endings = [other for other in available if f".{key}".endswith(f".{other}")]
        if endings:
            best[key] = max(endings, key=len)
    if len(set(best.values())) < len(best):
        with pytest.raises(CheckpointError):
            match_by_suffix(wanted, available)
    else:
        assert match_by_suffix(wanted, available) == best
