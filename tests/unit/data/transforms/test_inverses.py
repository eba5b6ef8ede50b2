"""Lists of any transforms lead back: coordinates exactly, and pixels that no step has lost."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.data.transforms import Crop, Flip, Pad, Resize, TransformList, Warp, find_rotation

SIDES = st.integers(4, 40)


@st.composite
def steps_from(draw, size, *, exact=False):
    """One transform of images of a size; an exact one keeps all pixels."""
    height, width = size
    kinds = ["flip", "pad", "turn"] if exact else ["flip", "pad", "turn", "crop", "resize", "warp"]
    kind = draw(st.sampled_from(kinds))
    if kind == "flip":
        return Flip(size, draw(st.sampled_from(["horizontal", "vertical"])))
    if kind == "pad":
        top, left, below, right = (draw(st.integers(0, 9)) for _ in range(4))
        return Pad(size, top, left, (top + height + below, left + width + right))
    if kind == "crop":
        new = draw(st.integers(1, height)), draw(st.integers(1, width))
        top = draw(st.integers(0, height - new[0]))
        return Crop(size, top, draw(st.integers(0, width - new[1])), new)
    if kind == "resize":
        return Resize(size, (draw(SIDES), draw(SIDES)))
    degrees = draw(
        st.sampled_from([90.0, 180.0, 270.0]) if exact or kind == "turn" else st.floats(-180, 180)
    )
    return Warp(
        find_rotation(size, degrees, expand=True)[0],
        size,
        find_rotation(size, degrees, expand=True)[1],
    )


@st.composite
def lists(draw, *, exact=False):
    first = size = (draw(SIDES), draw(SIDES))
    steps = []
    for _ in range(draw(st.integers(0, 5))):
        steps.append(draw(steps_from(size, exact=exact)))
        size = steps[-1].new_size
    return TransformList(tuple(steps), first)


@given(lists(), st.integers(0, 99))
def test_points_polygons_and_keypoints_come_back(transform, seed):
    points = np.random.default_rng(seed).uniform(-20, 60, (5, 3, 2))
    back = transform.inverse()
    np.testing.assert_allclose(back.apply_coords(transform.apply_coords(points)), points, atol=1e-6)
    flat = [points.reshape(5, -1)[0]]
    (found,) = back.apply_polygons(transform.apply_polygons(flat))
    np.testing.assert_allclose(found, flat[0], atol=1e-6)
    assert (back.size, back.new_size) == (transform.new_size, transform.size)
    np.testing.assert_allclose(back.inverse().matrix, transform.matrix, atol=1e-6)


@given(lists(), st.integers(0, 99))
def test_boxes_come_back_around_what_they_were(transform, seed):
    corners = np.sort(np.random.default_rng(seed).uniform(-20, 60, (4, 2, 2)), axis=1)
    boxes = corners.reshape(4, 4)
    found = transform.inverse().apply_box(transform.apply_box(boxes))
    assert (found[:, :2] <= boxes[:, :2] + 1e-6).all()
    assert (found[:, 2:] >= boxes[:, 2:] - 1e-6).all()
    if not any(isinstance(step, Warp) for step in transform.steps):
        np.testing.assert_allclose(found, boxes, atol=1e-6)


@given(lists(exact=True), st.integers(0, 99))
def test_pixels_and_masks_come_back_where_no_step_loses_any(transform, seed):
    chance = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (3, *transform.size), generator=chance, dtype=torch.uint8)
    masks = torch.rand(2, *transform.size, generator=chance) > 0.5
    back = transform.inverse()
    assert torch.equal(back.apply_image(transform.apply_image(pixels, 7)), pixels)
    assert torch.equal(back.apply_segmentation(transform.apply_segmentation(masks)), masks)
