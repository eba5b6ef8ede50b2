import numpy as np
import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from composer.structures import (
    BitMasks,
    Boxes,
    ImageList,
    Instances,
    Keypoints,
    PolygonMasks,
)
from composer_torchvision.targets import resize_masks, torchvision_targets


def truth(**more):
    return Instances(
        (60, 80),
        gt_boxes=Boxes([[4.0, 6.0, 40.0, 30.0]]),
        gt_classes=torch.tensor([3]),
        **more,
    )


def images_of(*sizes):
    height, width = (max(sides) for sides in zip(*sizes, strict=True))
    return ImageList(torch.zeros(len(sizes), 3, height, width), list(sizes))


def test_targets_are_those_of_torchvision():
    masks = torch.rand(1, 60, 80) > 0.5
    keypoints = torch.tensor([[[5.0, 7.0, 2.0], [30.0, 20.0, 0.0]]])
    given = {
        "boxes": torch.tensor([[4.0, 6.0, 40.0, 30.0]]),
        "masks": masks.byte(),
        "keypoints": keypoints,
    }
    transform = GeneralizedRCNNTransform(96, 160, [0.0] * 3, [1.0] * 3)
    images, (theirs,) = transform([torch.rand(3, 60, 80)], [given])
    (ours,) = torchvision_targets(
        [truth(gt_masks=BitMasks(masks), gt_keypoints=Keypoints(keypoints))],
        images_of(images.image_sizes[0]),
        first_class=1,
    )
    assert ours.image_size == images.image_sizes[0]
    torch.testing.assert_close(ours.gt_boxes.tensor, theirs["boxes"])
    torch.testing.assert_close(ours.gt_keypoints.tensor, theirs["keypoints"])
    assert torch.equal(ours.gt_masks.tensor, theirs["masks"] > 0)
    assert ours.gt_classes.tolist() == [2]


def test_polygons_are_filled_before_they_are_resized():
    polygons = PolygonMasks([[np.array([4.0, 6.0, 40.0, 6.0, 40.0, 30.0, 4.0, 30.0])]])
    bits = BitMasks.from_polygon_masks(polygons.polygons, 60, 80)
    resized = resize_masks(polygons, (60, 80), (120, 160))
    assert torch.equal(resized.tensor, resize_masks(bits, (60, 80), (120, 160)).tensor)
    assert int(resized.area()) == 4 * int(bits.area())


def test_what_comes_in_stays_as_it_was():
    given = truth()
    torchvision_targets([given], images_of((120, 160)), first_class=1)
    assert given.image_size == (60, 80)
    assert given.gt_classes.tolist() == [3]


def test_targets_of_another_number_of_images_are_refused():
    with pytest.raises(ValueError, match="Targets of 1 images, but 2 images"):
        torchvision_targets([truth()], images_of((4, 4), (4, 4)))


def test_a_class_before_the_first_one_is_refused_and_ignored_objects_stay_ignored():
    instances = truth()
    instances.gt_classes = torch.tensor([0])
    with pytest.raises(ValueError, match=r"has 0, but the first class is 1 .*first_class=0"):
        torchvision_targets([instances], images_of((60, 80)), first_class=1)
    instances.gt_classes = torch.tensor([-1])
    (found,) = torchvision_targets([instances], images_of((60, 80)), first_class=1)
    assert found.gt_classes.tolist() == [-1]
