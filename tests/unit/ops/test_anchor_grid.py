import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import make_cell_anchors, place_anchors


@given(st.floats(1, 600), st.floats(0.1, 10))
def test_an_anchor_has_the_area_and_the_ratio_that_were_asked_for(size, ratio):
    x1, y1, x2, y2 = make_cell_anchors([size], [ratio])[0].tolist()
    assert (x2 - x1) * (y2 - y1) == pytest.approx(size**2, rel=1e-4)
    assert (y2 - y1) / (x2 - x1) == pytest.approx(ratio, rel=1e-4)
    assert (x1, y1) == (-x2, -y2)


def test_all_ratios_of_a_size_come_before_the_next_size():
    anchors = make_cell_anchors([32.0, 64.0], [0.25, 1.0, 4.0])
    widths = (anchors[:, 2] - anchors[:, 0]).tolist()
    assert widths == [64, 32, 16, 128, 64, 32]


def test_anchors_are_not_rounded():
    half_width = make_cell_anchors([32.0], [0.5])[0, 2].item()
    assert half_width == pytest.approx(16 * 2**0.5)


def test_no_sizes_make_no_anchors():
    assert make_cell_anchors([], [1.0]).shape == (0, 4)


def test_anchors_go_through_the_map_by_rows_with_those_of_a_cell_together():
    cell = torch.tensor([[-1.0, -1.0, 1.0, 1.0], [-2.0, -1.0, 2.0, 1.0]])
    placed = place_anchors(cell, (2, 3), 8)
    assert placed.shape == (12, 4)
    centers = ((placed[:, :2] + placed[:, 2:]) / 2).tolist()
    expected = [[x, y] for y in (0, 8) for x in (0, 8, 16) for _ in range(2)]
    assert centers == expected
    assert torch.equal(placed[:2], cell)


def test_the_offset_moves_anchors_within_their_cell():
    cell = torch.tensor([[-1.0, -1.0, 1.0, 1.0]])
    assert torch.equal(place_anchors(cell, (2, 2), 8, 0.5), place_anchors(cell, (2, 2), 8) + 4)


@pytest.mark.parametrize("grid_size", [(0, 3), (3, 0)])
def test_a_map_without_cells_has_no_anchors(grid_size):
    assert place_anchors(torch.zeros(3, 4), grid_size, 8).shape == (0, 4)
