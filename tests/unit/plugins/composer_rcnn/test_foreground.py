import torch

from composer.structures import Boxes
from composer_rcnn.foreground import foreground
from composer_rcnn.picked_regions import picked_regions

BOXES = [Boxes(torch.arange(12.0).reshape(3, 4)), Boxes([]), Boxes(torch.ones(2, 4))]
CLASSES = [torch.tensor([5, 0, 4]), torch.tensor([], dtype=torch.int64), torch.tensor([-1, 2])]
INDICES = [torch.tensor([7, 8, 9]), torch.tensor([], dtype=torch.int64), torch.tensor([3, 1])]


def test_background_and_what_is_left_out_go():
    found = foreground(BOXES, CLASSES, INDICES, num_classes=5)
    assert [one.tolist() for one in found.classes] == [[0, 4], [], [2]]
    assert [one.tolist() for one in found.matched_indices] == [[8, 9], [], [1]]
    assert torch.equal(found.boxes[0].tensor, BOXES[0].tensor[1:])


def test_rows_are_counted_over_all_images():
    found = foreground(BOXES, CLASSES, INDICES, num_classes=5)
    assert [one.tolist() for one in found.rows] == [[1, 2], [], [4]]
    features = torch.rand(5, 3, 2, 2)
    assert torch.equal(picked_regions(features, found.rows), features[[1, 2, 4]])


def test_no_images_have_no_foreground():
    found = foreground([], [], [], num_classes=80)
    assert found == ([], [], [], [])
    assert picked_regions(torch.rand(0, 3), found.rows).shape == (0, 3)
