import math

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import roi_align_rotated
from composer.ops import rotated_roi_align as module
from strategies.boxes import box_tensors
from strategies.rotated_boxes import lay_flat


def regions_of(rows, images=None):
    images = torch.zeros(len(rows)) if images is None else images
    return torch.cat((images[:, None], rows), dim=1)


def read(channel, y, x):
    """The bilinear value of a map at a place; beyond the border that of the border, then zero."""
    height, width = channel.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = (1 - dx) * channel[top, left] + dx * channel[top, right]
    lower = (1 - dx) * channel[bottom, left] + dx * channel[bottom, right]
    return float((1 - dy) * upper + dy * lower)


def pool_by_hand(channel, row, output_size, scale, ratio):
    """One region of one channel, sample by sample."""
    x, y, width, height = (float(value) * scale for value in row[:4])
    cos, sin = math.cos(math.radians(row[4])), math.sin(math.radians(row[4]))
    pooled = torch.zeros(output_size)
    rows, columns = output_size
    samples_y, samples_x = ratio or math.ceil(height / rows), ratio or math.ceil(width / columns)
    for i, j in [(i, j) for i in range(rows) for j in range(columns)]:
        values = []
        for k, m in [(k, m) for k in range(samples_y) for m in range(samples_x)]:
            v = -height / 2 + (i + (k + 0.5) / samples_y) * height / rows
            u = -width / 2 + (j + (m + 0.5) / samples_x) * width / columns
            values.append(read(channel, y - 0.5 + v * cos - u * sin, x - 0.5 + v * sin + u * cos))
        pooled[i, j] = sum(values) / len(values)
    return pooled


@pytest.mark.parametrize("ratio", [0, 1, 2])
@pytest.mark.parametrize("angle", [0.0, 30.0, -90.0, 135.0, 400.0])
def test_samples_are_turned_with_their_region(ratio, angle):
    map_ = torch.randn(1, 1, 9, 11, dtype=torch.float64)
    row = torch.tensor([20.0, 17.0, 30.0, 22.0, angle], dtype=torch.float64)
    found = roi_align_rotated(map_, regions_of(row[None]), (3, 4), 0.5, ratio)
    expected = pool_by_hand(map_[0, 0], row, (3, 4), 0.5, ratio)
    torch.testing.assert_close(found[0, 0].float(), expected)


@given(box_tensors(), st.integers(0, 3), st.sampled_from([(7, 7), (2, 3)]))
def test_flat_regions_are_pooled_as_axis_aligned_ones(rows, ratio, output_size):
    map_ = torch.randn(2, 3, 10, 12)
    images = (torch.arange(len(rows)) % 2).float()
    found = roi_align_rotated(map_, regions_of(lay_flat(rows), images), output_size, 1 / 32, ratio)
    expected = torchvision.ops.roi_align(
        map_, regions_of(rows, images), output_size, 1 / 32, ratio, aligned=True
    )
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_half_a_turn_turns_the_result():
    map_ = torch.randn(1, 2, 16, 16)
    rows = torch.tensor([[32.0, 30.0, 40.0, 24.0, 20.0], [32.0, 30.0, 40.0, 24.0, 200.0]])
    one, other = roi_align_rotated(map_, regions_of(rows), (4, 5), 0.25)
    torch.testing.assert_close(one, other.flip(1, 2), rtol=1e-4, atol=1e-4)


def test_a_quarter_turn_of_the_region_is_one_of_the_map():
    map_ = torch.randn(1, 1, 12, 12)
    flat = torch.tensor([[24.0, 24.0, 30.0, 18.0, 0.0]])
    turned = torch.tensor([[24.0, 24.0, 30.0, 18.0, 90.0]])
    expected = roi_align_rotated(map_.rot90(-1, (2, 3)), regions_of(flat), (3, 5), 0.25)
    found = roi_align_rotated(map_, regions_of(turned), (3, 5), 0.25)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_region_without_extent_is_zero_where_samples_are_adaptive():
    rows = torch.tensor([[4.0, 4.0, 0.0, 4.0, 10.0], [4.0, 4.0, 4.0, 4.0, 10.0]])
    pooled = roi_align_rotated(torch.ones(1, 1, 8, 8), regions_of(rows), (2, 2), 1.0)
    assert pooled.flatten(1).tolist() == [[0.0] * 4, pytest.approx([1.0] * 4)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("column", range(5))
def test_a_region_that_is_not_finite_harms_no_other(bad, column):
    rows = torch.tensor([[4.0, 4.0, 4.0, 4.0, 10.0]] * 2)
    rows[0, column] = bad
    pooled = roi_align_rotated(torch.ones(1, 1, 8, 8), regions_of(rows), (2, 2), 1.0)
    assert pooled[0].isfinite().all()
    torch.testing.assert_close(pooled[1], torch.ones(1, 2, 2))


def test_there_may_be_no_regions():
    pooled = roi_align_rotated(torch.rand(2, 3, 4, 4), torch.zeros(0, 6), (7, 7), 0.25)
    assert pooled.shape == (0, 3, 7, 7)


def test_few_regions_at_a_time_give_the_same(monkeypatch):
    map_, rows = torch.randn(1, 2, 12, 12), torch.rand(9, 5) * 40
    expected = roi_align_rotated(map_, regions_of(rows), (3, 3), 0.25)
    monkeypatch.setattr(module, "_SAMPLES_PER_CHUNK", 30)
    torch.testing.assert_close(roi_align_rotated(map_, regions_of(rows), (3, 3), 0.25), expected)


def test_an_image_that_is_not_there_is_refused():
    rows = regions_of(torch.tensor([[4.0, 4.0, 4.0, 4.0, 0.0]]), torch.tensor([1.0]))
    with pytest.raises(RuntimeError, match="size"):
        roi_align_rotated(torch.ones(1, 1, 8, 8), rows, (2, 2), 1.0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_taken(dtype):
    map_, rows = torch.rand(1, 2, 8, 8), regions_of(torch.tensor([[9.0, 8.0, 9.0, 5.0, 25.0]]))
    found = roi_align_rotated(map_.to(dtype), rows, (2, 2), 0.5)
    assert found.dtype == dtype
    torch.testing.assert_close(
        found.float(), roi_align_rotated(map_, rows, (2, 2), 0.5), rtol=0.02, atol=0.02
    )


def test_autocast_changes_nothing():
    rows = regions_of(torch.tensor([[9.0, 8.0, 9.0, 5.0, 25.0]]))
    map_ = torch.rand(1, 2, 8, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        found = roi_align_rotated(map_, rows, (2, 2), 0.5)
    found.sum().backward()
    torch.testing.assert_close(found, roi_align_rotated(map_, rows, (2, 2), 0.5), rtol=0, atol=0)
    assert map_.grad.sum().item() == pytest.approx(2 * 4)


def test_gradients_reach_the_map():
    rows = torch.tensor([[9.0, 8.0, 9.0, 5.0, 25.0], [3.0, 2.0, 7.0, 9.0, -70.0]]).double()
    map_ = torch.rand(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda values: roi_align_rotated(values, regions_of(rows), (2, 3), 0.5), (map_,)
    )


GIANT = [1e3, 1e5, 1e7, 1e12, 1e30]


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("angle", [0.0, 33.0, -90.0])
@pytest.mark.parametrize("side", GIANT)
def test_a_region_of_any_size_takes_bounded_work(side, angle, ratio):
    map_ = torch.randn(2, 3, 20, 30)
    rows = torch.tensor([[15.0, 10.0, side, side, angle], [side, 10.0, 5.0, 2 * side, angle]])
    found = roi_align_rotated(map_, regions_of(rows), (7, 7), 1.0, ratio)
    assert found.isfinite().all()


@pytest.mark.parametrize("angle", [0.0, 30.0, 200.0])
def test_only_samples_near_the_map_count_for_a_large_region(angle):
    map_ = torch.randn(1, 1, 9, 11, dtype=torch.float64)
    row = torch.tensor([30.0, -20.0, 150.0, 90.0, angle], dtype=torch.float64)
    found = roi_align_rotated(map_, regions_of(row[None]), (3, 4), 0.5)
    expected = pool_by_hand(map_[0, 0], row, (3, 4), 0.5, 0)
    torch.testing.assert_close(found[0, 0].float(), expected)


def test_the_mean_over_a_giant_region_is_the_sum_of_the_map_over_its_area():
    map_ = torch.ones(1, 1, 10, 10)
    row = torch.tensor([[0.0, 0.0, 20_000.0, 20_000.0, 0.0]])
    found = roi_align_rotated(map_, regions_of(row), (1, 1), 1.0)
    # A sample a cell, and those half a cell off the map on each side.
    assert float(found) == pytest.approx(11 * 11 / 20_000**2, rel=0.2)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("ratio", [0, 2])
def test_a_region_that_is_not_finite_takes_bounded_work(column, value, ratio):
    row = torch.tensor([[15.0, 10.0, 1e9, 1e9, 30.0]])
    row[0, column] = value
    pooled = roi_align_rotated(torch.randn(1, 1, 9, 9), regions_of(row), (2, 2), 1.0, ratio)
    assert (pooled == 0).all()


def test_regions_without_extent_are_samples_of_their_centre():
    map_ = torch.randn(1, 1, 9, 9)
    rows = torch.tensor([[4.5, 4.5, 0.0, 0.0, 30.0], [0.5, 0.5, -2.0, -2.0, 0.0]])
    found = roi_align_rotated(map_, regions_of(rows), (1, 1), 1.0, 2)
    assert float(found[0]) == pytest.approx(float(map_[0, 0, 4, 4]), rel=1e-4)
    assert float(found[1]) != 0
