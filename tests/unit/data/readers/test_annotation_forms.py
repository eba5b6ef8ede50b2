"""Masks that cannot be decoded are told when they are read, not when they are used."""

import pytest

from composer.data.faults import BadPart
from composer.data.readers.annotation_forms import to_segmentation
from composer.structures.run_lengths import encode_polygons, mask_to_text

TRIANGLE = [4.0, 5.0, 20.0, 5.0, 20.0, 25.0]


def test_compressed_run_lengths_stay_as_they_are():
    encoded = encode_polygons([TRIANGLE], 40, 50)
    assert to_segmentation(encoded, 40, 50) == encoded
    assert to_segmentation(mask_to_text(encoded), None, None) == mask_to_text(encoded)


@pytest.mark.parametrize(
    ("size", "counts", "message"),
    [
        ([40, 50], "abc", "in the middle of a number"),
        ([40, 50], "00000", "the runs make 0 pixels of 2000"),
        ([40, 50], "PPPPP", "in the middle of a number"),
        ([40, 50], "\u00ff", "no character"),
        ([40, 50], b"\xff", "no character"),
        ([40, 50], [-3, 2003], "'counts' is text, or a list of numbers"),
        ([40, 50], ["a", "b"], "'counts' is text, or a list of numbers"),
        ([40, 50], {"runs": 3}, "'counts' is text, or a list of numbers"),
        ([40, 50], "", "has the keys 'size' and 'counts'"),
        (["a", "b"], "abc", "has the keys 'size' and 'counts'"),
        ([-40, -50], "abc", "has the keys 'size' and 'counts'"),
    ],
)
def test_run_lengths_that_are_no_mask_are_reported(size, counts, message):
    with pytest.raises(BadPart, match=message) as caught:
        to_segmentation({"size": size, "counts": counts}, 40, 50)
    assert caught.value.kind == "bad_mask"
