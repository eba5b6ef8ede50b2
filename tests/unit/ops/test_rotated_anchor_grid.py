import pytest
import torch

from composer.ops import (
    make_cell_anchors,
    make_rotated_cell_anchors,
    place_anchors,
)
from strategies.rotated_boxes import lay_flat


def test_every_angle_is_combined_with_every_size_and_ratio():
    anchors = make_rotated_cell_anchors((8.0, 16.0), (0.25, 1.0), (-90.0, 0.0, 45.0))
    assert anchors.shape == (12, 5)
    assert anchors[:, 4].tolist() == [-90.0, 0.0, 45.0] * 4
    assert anchors[::3, 2:4].tolist() == [[16.0, 4.0], [8.0, 8.0], [32.0, 8.0], [16.0, 16.0]]
    assert anchors[:, :2].abs().sum() == 0


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_anchors_of_angle_0_are_the_axis_aligned_ones(offset):
    sizes, ratios = (32.0, 50.0), (0.5, 1.0, 2.0)
    found = place_anchors(make_rotated_cell_anchors(sizes, ratios, (0.0,)), (3, 5), 8, offset)
    expected = place_anchors(make_cell_anchors(sizes, ratios), (3, 5), 8, offset)
    torch.testing.assert_close(found, lay_flat(expected))


def test_all_anchors_of_a_cell_come_together():
    cell = make_rotated_cell_anchors((8.0,), (1.0,), (0.0, 30.0))
    placed = place_anchors(cell, (2, 2), 4)
    assert placed[:, [0, 1, 4]].tolist() == [
        [x, y, angle] for y in (0.0, 4.0) for x in (0.0, 4.0) for angle in (0.0, 30.0)
    ]


def test_a_map_without_cells_has_no_anchors():
    cell = make_rotated_cell_anchors((8.0,), (1.0,), (0.0,))
    assert place_anchors(cell, (0, 7), 4).shape == (0, 5)
