import pytest
import torch

from composer.structures import Boxes, ImageList, RotatedBoxes
from composer_rcnn.instances import instances

IMAGES = ImageList(torch.zeros(2, 3, 8, 8), [(8, 6), (5, 8)])
BOXES = [Boxes([[0.0, 0.0, 1.0, 1.0]]), Boxes([])]
SCORES = [torch.tensor([0.5]), torch.zeros(0)]
CLASSES = [torch.tensor([3]), torch.zeros(0, dtype=torch.long)]


def test_fields_are_called_as_in_detectron2():
    found = instances(IMAGES, BOXES, SCORES, CLASSES)
    assert [one.image_size for one in found] == IMAGES.image_sizes
    assert list(found[0].get_fields()) == ["pred_boxes", "scores", "pred_classes"]
    assert [len(one) for one in found] == [1, 0]
    assert found[0].pred_classes.tolist() == [3]


def test_masks_and_distributions_are_fields_when_they_are_wired():
    masks = [torch.zeros(1, 1, 4, 4), torch.zeros(0, 1, 4, 4)]
    probabilities = [torch.zeros(1, 6), torch.zeros(0, 6)]
    found = instances(IMAGES, BOXES, SCORES, CLASSES, masks, probabilities)
    assert found[0].pred_masks is masks[0]
    assert found[1].class_probabilities.shape == (0, 6)


def test_boxes_may_be_rotated():
    boxes = [RotatedBoxes([[4.0, 4.0, 2.0, 2.0, 30.0]]), RotatedBoxes([])]
    assert instances(IMAGES, boxes, SCORES, CLASSES)[0].pred_boxes is boxes[0]


def test_no_images_have_no_instances():
    assert instances(ImageList(torch.zeros(0, 3, 8, 8), []), [], [], []) == []


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="'scores' of 1 images, but 2 images"):
        instances(IMAGES, BOXES, SCORES[:1], CLASSES)
    with pytest.raises(ValueError, match="'pred_classes' has 0 entries, but 'pred_boxes' has 1"):
        instances(IMAGES, BOXES, SCORES, CLASSES[::-1])
