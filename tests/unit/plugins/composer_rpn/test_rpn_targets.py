import pytest
import torch

from composer.structures import Boxes, ImageList, Instances
from composer_rpn.rpn_targets import rpn_targets

ANCHORS = [
    torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 8.0], [30.0, 0.0, 40.0, 10.0]]),
    torch.tensor([[0.0, 0.0, 20.0, 10.0], [60.0, 0.0, 80.0, 10.0]]),
]
OBJECT = [0.0, 0.0, 10.0, 10.0]


def images_of(*sizes):
    return ImageList(torch.zeros(len(sizes), 3, 64, 96), list(sizes))


def truth_of(*boxes, image_size=(64, 96)):
    return Instances(image_size, gt_boxes=Boxes(list(boxes)))


def label(*targets, images=None, seed=0, **options):
    images = images or images_of(*[(64, 96)] * len(targets))
    generator = torch.Generator().manual_seed(seed)
    return rpn_targets(images, ANCHORS, list(targets), generator=generator, **options)


def test_overlap_decides_what_an_anchor_is():
    found = label(truth_of(OBJECT), iou_labels=(0, -1, 1))
    assert found.labels[0].tolist() == [1, 1, 0, -1, 0]
    assert found.boxes[0].tensor[:2].tolist() == [OBJECT, OBJECT]


def test_the_best_anchor_of_an_object_is_an_object_however_small_the_overlap():
    found = label(truth_of([58.0, 0.0, 64.0, 30.0]))
    assert found.labels[0].tolist() == [0, 0, 0, 0, 1]


def test_as_many_anchors_as_wanted_are_drawn():
    found = label(truth_of(OBJECT), batch_size_per_image=2, positive_fraction=0.5)
    labels = found.labels[0]
    assert (labels == 1).sum() == (labels == 0).sum() == 1
    draws = {tuple(label(truth_of(OBJECT), batch_size_per_image=2, seed=s)[0][0].tolist())
             for s in range(20)}  # fmt: skip
    assert len(draws) == 4


def test_anchors_over_the_border_may_be_left_out():
    images = images_of((9, 75))
    found = label(truth_of(OBJECT), images=images, boundary_threshold=0.0)
    assert found.labels[0].tolist() == [-1, 1, -1, -1, -1]
    found = label(truth_of(OBJECT), images=images, boundary_threshold=2.0)
    assert found.labels[0].tolist() == [1, 1, 0, -1, -1]


def test_an_image_without_objects_is_background():
    found = label(truth_of(OBJECT), truth_of())
    assert found.labels[1].tolist() == [0] * 5
    assert found.boxes[1].tensor.shape == (5, 4)
    assert found.boxes[1].tensor.isfinite().all()


def test_no_images_have_no_targets():
    assert label(images=images_of()) == ([], [])


def test_there_is_a_target_for_every_image():
    with pytest.raises(ValueError, match="Targets of 1 images, but 2"):
        label(truth_of(OBJECT), images=images_of((64, 96), (64, 96)))
