import pytest

from composer.checkpoint import KeyNaming

NAMES = {"stem": ["conv.weight", "conv.bias"], "head": ["fc.weight", "fc.bias"]}
NAMING = KeyNaming(NAMES, {"stem": "backbone.stem.", "head": "head."})
WHOLE = ["backbone.stem.conv.weight", "backbone.stem.conv.bias", "head.fc.weight"]


@pytest.mark.parametrize(
    ("keys", "is_whole", "is_bare"),
    [
        (WHOLE, True, False),
        (WHOLE[:2], True, False),
        (WHOLE[:1], False, False),
        (["conv.weight", "classifier.weight"], False, True),
        ([*WHOLE, "conv.weight", "conv.bias"], True, False),
        (["blobs", "conv1_w"], False, False),
        ([], False, False),
    ],
)
def test_half_of_the_names_tell_what_a_file_is(keys, is_whole, is_bare):
    assert NAMING.is_whole(keys) == is_whole
    assert NAMING.is_bare(keys) == is_bare
    assert NAMING.fits(keys) == (is_whole or is_bare)


def test_a_node_without_a_prefix_has_no_bare_names():
    assert not KeyNaming({"net": ["conv.weight"]}, {"net": ""}).is_bare(["conv.weight"])


def test_nothing_fits_nodes_without_tensors():
    assert not KeyNaming({"relu": []}, {"relu": "relu."}).fits(["conv.weight"])


def test_beginnings_are_the_first_parts_of_the_names():
    assert NAMING.beginnings() == {"conv", "fc"}
