import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection.roi_heads import paste_masks_in_image

from composer.structures import Boxes, ImageBatch, Instances, ROIMasks
from composer_torchvision.postprocess import paste_on_whole_pixels, torchvision_postprocess


def paste_both(boxes, size=(40, 50)):
    masks = torch.rand(len(boxes), 7, 7, generator=torch.Generator().manual_seed(0))
    theirs = paste_masks_in_image(masks[:, None], boxes, size)[:, 0] >= 0.5
    return paste_on_whole_pixels(masks, boxes, size), theirs


@given(st.lists(st.tuples(*[st.floats(-20, 70, width=32)] * 4), max_size=5))
def test_masks_are_pasted_as_torchvision_does(corners):
    corners = torch.tensor(corners).reshape(-1, 2, 2)
    boxes = torch.cat((corners.amin(dim=1), corners.amax(dim=1)), dim=1)
    inside = (boxes[:, :2] < torch.tensor([48.0, 38.0])).all(dim=1)
    inside &= (boxes[:, 2:] > 1).all(dim=1)  # torchvision fails on boxes outside of the image
    ours, theirs = paste_both(boxes[inside])
    assert torch.equal(ours, theirs)


def test_a_box_outside_of_the_image_has_an_empty_mask():
    boxes = torch.tensor([[60.0, 5.0, 80.0, 20.0], [-30.0, -30.0, -10.0, -10.0]])
    assert not paste_on_whole_pixels(torch.ones(2, 7, 7), boxes, (40, 50)).any()


def test_everything_is_scaled_to_the_wanted_size_and_labels_begin_where_they_should():
    instances = Instances(
        (20, 40),
        pred_boxes=Boxes([[2.0, 4.0, 10.0, 12.0], [0.0, 0.0, 40.0, 20.0]]),
        scores=torch.tensor([0.9, 0.8]),
        pred_classes=torch.tensor([0, 4]),
        pred_masks=torch.ones(2, 1, 7, 7),
        pred_keypoints=torch.tensor([[[3.0, 5.0, 0.7]], [[1.0, 2.0, 0.1]]]),
    )
    batch = ImageBatch([{"image": torch.zeros(3, 20, 40), "height": 40, "width": 120}])
    (found,) = torchvision_postprocess([instances], batch, first_class=1).instances
    assert found.image_size == (40, 120)
    assert found.pred_boxes.tensor.tolist() == [[6.0, 8.0, 30.0, 24.0], [0.0, 0.0, 120.0, 40.0]]
    assert found.pred_classes.tolist() == [1, 5]
    assert found.pred_masks.shape == (2, 40, 120)
    assert found.pred_masks[1, 5:35, 15:105].all()
    assert found.pred_keypoints[0].tolist() == [[9.0, 10.0, pytest.approx(0.7)]]
    assert instances.pred_classes.tolist() == [0, 4]


def test_masks_may_be_those_of_regions():
    instances = Instances(
        (20, 20),
        pred_boxes=Boxes([[0.0, 0.0, 20.0, 20.0]]),
        pred_classes=torch.tensor([0]),
        pred_masks=ROIMasks(torch.ones(1, 7, 7)),
    )
    batch = ImageBatch([{"image": torch.zeros(3, 20, 20)}])
    (found,) = torchvision_postprocess([instances], batch).instances
    assert found.pred_masks[:, 3:17, 3:17].all()


def test_instances_of_another_number_of_images_are_refused():
    with pytest.raises(ValueError, match="Instances of 0 images for a batch of 1"):
        torchvision_postprocess([], ImageBatch([{"image": torch.zeros(3, 4, 4)}]))
