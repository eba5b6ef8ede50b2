import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import flatten_cells

small = st.integers(1, 4)


@given(small, small, small, small, st.sampled_from([1, 4]))
def test_predictions_keep_their_cell_and_their_anchor(images, anchors, height, width, values):
    map_ = torch.rand(images, anchors * values, height, width)
    flat = flatten_cells(map_, values)
    assert flat.shape == (images, height * width * anchors, values)
    for y in range(height):
        for x in range(width):
            for anchor in range(anchors):
                row = (y * width + x) * anchors + anchor
                expected = map_[:, anchor * values : (anchor + 1) * values, y, x]
                assert torch.equal(flat[:, row], expected)


def test_no_images_are_flattened_to_no_images():
    assert flatten_cells(torch.zeros(0, 12, 3, 5), 4).shape == (0, 45, 4)


def test_channels_that_are_no_whole_predictions_are_refused():
    with pytest.raises(ValueError, match="12 channels do not hold predictions of 5 numbers"):
        flatten_cells(torch.zeros(1, 12, 3, 5), 5)
