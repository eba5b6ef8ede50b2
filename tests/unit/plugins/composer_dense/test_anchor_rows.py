import pytest
import torch

from composer.ops import make_cell_anchors, place_anchors
from composer_dense.anchor_rows import list_by_anchor


def anchors_on(height, width, num_anchors):
    cell = make_cell_anchors([8.0] * num_anchors, [1.0])
    return place_anchors(cell, (height, width), 8)


def test_rows_come_in_the_order_of_the_anchors():
    map_ = torch.zeros(1, 6, 2, 3)  # two anchors with three numbers each
    map_[0, 3:, 1, 2] = torch.tensor([1.0, 2.0, 3.0])
    (rows,) = list_by_anchor([map_], [anchors_on(2, 3, 2)])
    assert rows.shape == (1, 12, 3)
    assert rows[0, 11].tolist() == [1.0, 2.0, 3.0]
    assert not rows[0, :11].any()


def test_levels_may_differ_in_size_and_in_anchors():
    maps = [torch.zeros(2, 4, 4, 4), torch.zeros(2, 8, 1, 1)]
    rows = list_by_anchor(maps, [anchors_on(4, 4, 1), anchors_on(1, 1, 2)])
    assert [tuple(level.shape) for level in rows] == [(2, 16, 4), (2, 2, 4)]


def test_every_level_needs_anchors():
    with pytest.raises(ValueError, match="2 levels, but anchors on 1"):
        list_by_anchor([torch.zeros(1, 4, 1, 1)] * 2, [anchors_on(1, 1, 1)])


@pytest.mark.parametrize(
    ("anchors", "channels"),
    [(anchors_on(2, 3, 1)[:5], 4), (anchors_on(2, 3, 1)[:0], 4), (anchors_on(2, 3, 3), 4)],
)
def test_predictions_that_do_not_fit_the_anchors_are_refused(anchors, channels):
    with pytest.raises(ValueError, match=r"Level 0 has 6 cells with 4 numbers .* num_anchors"):
        list_by_anchor([torch.zeros(1, channels, 2, 3)], [anchors])
