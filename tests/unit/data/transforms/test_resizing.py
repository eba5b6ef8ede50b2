"""Resizing moves coordinates exactly, and pixels as Pillow does where that is asked for."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from composer.data.transforms import resize_sample
from composer.data.transforms.resizing import resize_labels
from composer.structures import BitMasks
from unit.data.some_samples import make_sample

sides = st.integers(1, 90)


def test_coordinates_are_multiplied():
    resized = resize_sample(make_sample(30, 40), (15, 120))
    assert resized.image.shape == (3, 15, 120)
    assert resized.boxes[1].tolist() == [72, 5, 108, 12.5]
    assert resized.outlines[1][0].tolist() == [72, 5, 108, 5, 108, 12.5, 72, 12.5]
    assert resized.keypoints[1].tolist() == [[76.5, 6.25, 2], [103.5, 11.25, 2]]


def test_masks_and_maps_have_the_new_size_and_only_old_values():
    resized = resize_sample(make_sample(masks="bit_masks"), (47, 53))
    assert resized.bit_masks.shape == (2, 47, 53)
    assert resized.sem_seg.shape == resized.panoptic.shape == (47, 53)
    assert set(resized.sem_seg.unique().tolist()) == {0, 1, 7}
    box = BitMasks(resized.bit_masks).get_bounding_boxes().tensor[1]
    assert (box - resized.boxes[1]).abs().max() <= 0.5


@given(sides, sides, sides, sides)
def test_labels_are_those_that_pillow_takes(height, width, new_height, new_width):
    labels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    expected = Image.fromarray(labels).resize((new_width, new_height), Image.Resampling.NEAREST)
    resized = resize_labels(torch.from_numpy(labels), (new_height, new_width))
    np.testing.assert_array_equal(resized.numpy(), np.asarray(expected))


@given(sides, sides)
def test_exact_pixels_are_those_of_pillow_and_others_are_close(height, width):
    sample = make_sample()
    rows = sample.image.permute(1, 2, 0).numpy()
    picture = Image.fromarray(np.ascontiguousarray(rows))
    expected = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    exact = resize_sample(sample, (height, width), exact=True).image.permute(1, 2, 0).numpy()
    close = resize_sample(sample, (height, width)).image.permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(exact, expected)
    assert np.abs(close.astype(int) - expected).max() <= 2


def test_a_sample_of_the_wanted_size_is_left_as_it_is():
    sample = make_sample(30, 40)
    assert resize_sample(sample, (30, 40)) is sample
