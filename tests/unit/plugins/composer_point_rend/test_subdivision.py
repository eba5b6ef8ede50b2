import pytest
import torch
import torch.nn.functional as F

from composer.structures import Boxes
from composer_point_rend.mask_subdivision import (
    doubled_masks,
    grid_masks,
    grid_points,
    refined_masks,
    uncertain_mask_cells,
)
from composer_point_rend.pixel_subdivision import (
    doubled_pixels,
    refined_pixels,
    uncertain_pixel_cells,
)

BOXES = [Boxes(torch.rand(2, 4)), Boxes(torch.zeros(0, 4)), Boxes(torch.rand(1, 4))]
CLASSES = [torch.tensor([1, 0]), torch.zeros(0, dtype=torch.int64), torch.tensor([1])]


def test_every_region_has_the_same_grid():
    points = grid_points(BOXES, side=2)
    expected = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
    assert torch.equal(points, expected.expand(3, -1, -1))


def test_first_masks_are_those_of_the_regions_classes():
    logits = torch.rand(3, 2, 4)
    found = grid_masks(logits, CLASSES)
    expected = torch.stack((logits[0, 1], logits[1, 0], logits[2, 1])).view(3, 1, 2, 2)
    assert torch.equal(found, expected)


def test_masks_need_a_square_grid():
    with pytest.raises(ValueError, match="6 points do not make a square"):
        grid_masks(torch.rand(3, 2, 6), CLASSES)


def test_the_cells_nearest_to_the_outline_are_uncertain():
    masks = torch.tensor([[[[3.0, -0.1], [0.2, -5.0]]]])
    found = uncertain_mask_cells(masks, num_points=2)
    assert found.indices.tolist() == [[1, 2]]
    with pytest.raises(ValueError, match="One mask a region was expected, not 2"):
        uncertain_mask_cells(torch.rand(1, 2, 4, 4))


def test_uncertain_cells_alone_are_replaced():
    masks = torch.rand(3, 1, 4, 4)
    kept = masks.clone()
    cells = uncertain_mask_cells(masks, num_points=5)
    logits = torch.rand(3, 2, 5) + 10
    refined = refined_masks(masks, cells.indices, logits, CLASSES)
    assert torch.equal(masks, kept)
    assert ((refined >= 10).flatten(1).sum(dim=1) == 5).all()
    own = torch.stack((logits[0, 1], logits[1, 0], logits[2, 1]))
    assert torch.equal(refined.flatten(1).gather(1, cells.indices), own)


def test_all_cells_of_a_small_mask_are_predicted_anew():
    masks = torch.rand(2, 1, 4, 4)
    cells = uncertain_mask_cells(masks, num_points=99)
    target = torch.rand(2, 1, 16)
    logits = target.gather(2, cells.indices[:, None])
    classes = [torch.zeros(2, dtype=torch.int64)]
    assert torch.equal(refined_masks(masks, cells.indices, logits, classes).flatten(2), target)


def test_the_pixels_between_two_classes_are_uncertain_and_replaced():
    logits = torch.tensor([[[[3.0, 1.0], [0.0, 1.0]], [[0.0, 1.1], [9.0, -3.0]]]])
    cells = uncertain_pixel_cells(logits, num_points=1)
    assert cells.indices.tolist() == [[1]]
    refined = refined_pixels(logits, cells.indices, torch.tensor([[[7.0], [8.0]]]))
    assert refined[0, :, 0, 1].tolist() == [7.0, 8.0]
    assert (refined != logits).sum() == 2


@pytest.mark.parametrize("double", [doubled_masks, doubled_pixels])
def test_the_resolution_is_doubled(double):
    maps = torch.rand(2, 1, 3, 4)
    expected = F.interpolate(maps, size=(6, 8), mode="bilinear", align_corners=False)
    torch.testing.assert_close(double(maps), expected)
    assert double(maps[:0]).shape == (0, 1, 6, 8)


def test_no_regions_are_fine():
    none = torch.zeros(0, 1, 4, 4)
    cells = uncertain_mask_cells(none, num_points=3)
    assert cells.points.shape == (0, 3, 2)
    assert grid_points([]).shape == (0, 784, 2)
    assert grid_masks(torch.zeros(0, 2, 16), []).shape == (0, 1, 4, 4)
    assert refined_masks(none, cells.indices, torch.zeros(0, 2, 3), []).shape == none.shape
