"""Maps are placed where they lie on an image, and none of what they count is lost."""

import pytest
import torch

from composer.explanation.placement import Frame

FRAME = Frame(padded_size=(32, 64), inner_size=(32, 64), output_size=(64, 128))


def test_a_cell_of_a_map_lies_over_its_part_of_the_image():
    level = torch.zeros(4, 8)
    level[1, 6] = 3.0
    placed = FRAME.place_map(level)
    assert placed.shape == (64, 128)
    peak = int(placed.argmax())
    assert 16 <= peak // 128 < 32
    assert 96 <= peak % 128 < 112
    assert placed.sum().item() == pytest.approx(3.0, rel=0.01)


def test_padding_is_cut_off():
    frame = Frame(padded_size=(32, 64), inner_size=(16, 64), output_size=(16, 64))
    level = torch.zeros(4, 8)
    level[3, 0] = 1.0
    assert frame.place_map(level).sum() < 0.01


def test_a_region_lies_in_its_box_and_is_cut_at_the_border():
    maps = torch.ones(2, 7, 7)
    boxes = torch.tensor([[8.0, 4.0, 24.0, 12.0], [-8.0, -8.0, 8.0, 8.0]])
    placed = FRAME.place_regions(maps, boxes)
    first = placed[10:22, 18:46]
    assert first.sum() > 30
    assert placed[30:].sum() == 0
    assert placed.sum().item() == pytest.approx(49 + 49 / 4, rel=0.02)


def test_boxes_without_an_area_and_outside_are_no_problem():
    boxes = torch.tensor([[5.0, 5.0, 5.0, 5.0], [100.0, 100.0, 120.0, 120.0]])
    placed = FRAME.place_regions(torch.ones(2, 2, 2), boxes)
    assert placed.isfinite().all()
    assert placed.sum().item() == pytest.approx(4.0, rel=0.02)
