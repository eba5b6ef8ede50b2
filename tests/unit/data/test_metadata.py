"""Names of keypoints say which of them change places in a mirror."""

import pytest

from composer.data.metadata import Metadata, describe_unknown_flips, find_flip_pairs


@pytest.mark.parametrize(
    "names",
    [
        ("nose", "left_eye", "right_eye"),
        ("Nose", "Left Eye", "Right Eye"),
        ("NOSE", "LEFT_EYE", "RIGHT_EYE"),
        ("nose", "leftEye", "rightEye"),
        ("nose", "l_eye", "r_eye"),
        ("Nose", "Eye.L", "Eye.R"),
        ("nose", "l eyelid", "r eyelid"),
    ],
)
def test_names_that_differ_in_their_side_only_are_a_pair(names):
    assert find_flip_pairs(names) == ((1, 2),)


@pytest.mark.parametrize(
    "names", [("eyelid", "eyerid"), ("left_eye", "right_ear"), ("l", "nose"), ("top", "bottom")]
)
def test_other_names_are_no_pair(names):
    assert find_flip_pairs(names) == ()


@pytest.mark.parametrize(
    ("names", "value"),
    [(("L_Eye", "R_Eye", "Nose"), "[[L_Eye, R_Eye]]"), (("a", "b"), "[[name, name], ...]")],
)
def test_keypoints_that_cannot_be_mirrored_are_told_with_what_says_it(names, value):
    told = describe_unknown_flips(Metadata(keypoint_names=names))
    assert f"`keypoint_flip_pairs: {value}` in `with:` of the dataset" in told
    assert f"`--set '*.keypoint_flip_pairs={value}'` on the command line" in told
