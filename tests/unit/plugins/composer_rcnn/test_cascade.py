import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes, ImageList, Instances
from composer_rcnn.gradient_scale import gradient_scale
from composer_rcnn.refined_boxes import refined_boxes
from composer_rcnn.relabeled_proposals import relabeled_proposals

NAN = float("nan")
ONES = (1.0, 1.0, 1.0, 1.0)
REGIONS = [Boxes([[0.0, 0.0, 10.0, 10.0]]), Boxes([]), Boxes([[5.0, 5.0, 9.0, 9.0]])]
OBJECT = [0.0, 0.0, 10.0, 10.0]


def images_of(*sizes):
    return ImageList(torch.zeros(len(sizes), 3, 64, 64), list(sizes))


def refine(deltas, sizes=((64, 64),) * 3, **options):
    return refined_boxes(REGIONS, deltas, images_of(*sizes), **{"box_weights": ONES, **options})


def test_regions_are_moved_and_clipped_to_their_image():
    deltas = torch.tensor([[0.5, 0.0, 0.0, 0.0], [-2.0, 0.0, 0.0, 0.0]])
    found = refine(deltas, ((64, 12), (64, 64), (64, 64)))
    assert [one.tensor.tolist() for one in found] == [
        [[5.0, 0.0, 12.0, 10.0]],
        [],
        [[0.0, 5.0, 1.0, 9.0]],
    ]


def test_what_is_no_number_becomes_an_empty_box():
    deltas = torch.zeros(2, 4)
    deltas[1] = NAN
    assert refine(deltas)[2].tensor.tolist() == [[0.0, 0.0, 0.0, 0.0]]


def test_gradients_do_not_flow_through_refined_boxes():
    assert not refine(torch.zeros(2, 4, requires_grad=True))[0].tensor.requires_grad


def test_offsets_must_be_shared_by_the_classes_and_fit_the_regions():
    with pytest.raises(ValueError, match="4 numbers, not 8: set cls_agnostic_bbox_reg"):
        refine(torch.zeros(2, 8))
    with pytest.raises(ValueError, match="2 regions, but box offsets of 3"):
        refine(torch.zeros(3, 4))


def test_no_images_have_no_refined_boxes():
    assert refined_boxes([], torch.zeros(0, 4), images_of()) == []


def relabel(boxes, *truths, **options):
    targets = [
        Instances((64, 64), gt_boxes=Boxes(truth), gt_classes=torch.full((len(truth),), 3))
        for truth in truths
    ]
    return relabeled_proposals([Boxes(one) for one in boxes], targets, num_classes=9, **options)


def test_a_higher_threshold_makes_fewer_objects():
    boxes = [[[0.0, 0.0, 10.0, 8.0], [0.0, 0.0, 10.0, 6.5]]]
    assert relabel(boxes, [OBJECT], iou_threshold=0.6).classes[0].tolist() == [3, 3]
    found = relabel(boxes, [OBJECT], iou_threshold=0.7)
    assert found.classes[0].tolist() == [3, 9]
    assert found.matched_boxes[0].tensor.tolist() == [OBJECT, OBJECT]


def test_regions_without_area_go():
    found = relabel([[[0.0, 0.0, 0.0, 8.0], OBJECT]], [OBJECT])
    assert found.boxes[0].tensor.tolist() == [OBJECT]
    assert len(found.classes[0]) == len(found.matched_boxes[0]) == 1


def test_counts_are_recorded_per_image_and_stage():
    with EventStorage() as storage:
        relabel([[OBJECT], [OBJECT]], [OBJECT], [], stage=2)
    latest = {name: value for name, (value, _) in storage.latest().items()}
    assert latest == {"stage2/roi_head/num_fg_samples": 0.5, "stage2/roi_head/num_bg_samples": 0.5}


def test_there_is_a_target_for_every_image():
    with pytest.raises(ValueError, match="Regions of 1 images, but targets of 0"):
        relabel([[OBJECT]])


def test_the_gradient_is_scaled_and_the_value_is_not():
    x = torch.rand(2, 3, requires_grad=True)
    scaled = gradient_scale(x, scale=0.25)
    scaled.sum().backward()
    assert torch.equal(scaled, x)
    assert torch.equal(x.grad, torch.full((2, 3), 0.25))


def test_without_a_gradient_features_are_passed_on():
    x = torch.rand(2, 3)
    assert gradient_scale(x, scale=0.25) is x
