import math

import pytest
import torch

from composer.events import EventStorage
from composer.structures import BitMasks, Boxes, Instances, PolygonMasks
from composer_rcnn.mask_loss import mask_loss

LEFT_HALF = [0.0, 0.0, 4.0, 0.0, 4.0, 8.0, 0.0, 8.0]
SQUARE = [0.0, 0.0, 8.0, 0.0, 8.0, 8.0, 0.0, 8.0]
REGION = Boxes([[0.0, 0.0, 8.0, 8.0]])


def polygons(*rings):
    return Instances((8, 8), gt_masks=PolygonMasks([[ring] for ring in rings]))


def bitmaps(*rings):
    filled = BitMasks.from_polygon_masks(polygons(*rings).gt_masks.polygons, 8, 8)
    return Instances((8, 8), gt_masks=filled)


def loss_of(logits, target, matched=0, **options):
    found = mask_loss(
        logits, [REGION], [torch.tensor([1])], [torch.tensor([matched])], [target], **options
    )
    return found["loss_mask"].item()


@pytest.mark.parametrize("truth", [polygons, bitmaps])
def test_a_region_learns_the_mask_of_its_object_in_the_channel_of_its_class(truth):
    logits = torch.zeros(1, 2, 4, 4)
    logits[:, 1] = -100.0
    logits[:, 1, :, :2] = 100.0
    assert loss_of(logits, truth(SQUARE, LEFT_HALF), matched=1) == pytest.approx(0, abs=1e-6)
    assert loss_of(logits, truth(SQUARE, LEFT_HALF), matched=0) == pytest.approx(50)


def test_the_loss_is_the_mean_over_pixels_times_its_weight():
    logits = torch.zeros(1, 1, 4, 4)
    assert loss_of(logits, polygons(SQUARE)) == pytest.approx(math.log(2))
    assert loss_of(logits, polygons(SQUARE), loss_weight=3.0) == pytest.approx(3 * math.log(2))


def test_masks_are_cut_to_the_region():
    logits = torch.full((1, 1, 4, 4), 100.0)
    region = [Boxes([[0.0, 0.0, 4.0, 8.0]])]
    found = mask_loss(
        logits, region, [torch.tensor([0])], [torch.tensor([0])], [polygons(LEFT_HALF)]
    )
    assert found["loss_mask"].item() == pytest.approx(0, abs=1e-6)


def test_images_without_regions_are_passed_over():
    nothing = torch.tensor([], dtype=torch.int64)
    found = mask_loss(
        torch.zeros(1, 2, 4, 4),
        [Boxes([]), REGION],
        [nothing, torch.tensor([0])],
        [nothing, torch.tensor([0])],
        [Instances((8, 8), gt_boxes=Boxes([])), polygons(SQUARE)],
    )
    assert found["loss_mask"].item() == pytest.approx(math.log(2))


def test_without_regions_the_loss_is_zero_with_a_gradient():
    logits = torch.zeros(0, 2, 4, 4, requires_grad=True)
    nothing = torch.tensor([], dtype=torch.int64)
    for count in (0, 1):
        found = mask_loss(
            logits, [Boxes([])] * count, [nothing] * count, [nothing] * count, [polygons()] * count
        )
        found["loss_mask"].backward()
        assert found["loss_mask"].item() == 0


def test_shares_of_wrong_pixels_are_recorded():
    logits = torch.full((1, 1, 4, 4), -1.0)
    logits[..., 0, :] = 1.0
    with EventStorage() as storage:
        loss_of(logits, polygons(LEFT_HALF))
    latest = {name: value for name, (value, _) in storage.latest().items()}
    assert latest == {
        "mask_rcnn/accuracy": 0.5,
        "mask_rcnn/false_positive": 0.25,
        "mask_rcnn/false_negative": 0.75,
    }


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="1 regions, but masks of 2"):
        loss_of(torch.zeros(2, 1, 4, 4), polygons(SQUARE))
    with pytest.raises(ValueError, match="Classes go up to 1"):
        loss_of(torch.zeros(1, 0, 4, 4), polygons(SQUARE))
    with pytest.raises(AttributeError, match="no field 'gt_masks'"):
        loss_of(torch.zeros(1, 1, 4, 4), Instances((8, 8), gt_boxes=REGION))


@pytest.mark.parametrize("truth", [polygons, bitmaps])
def test_an_object_whose_mask_is_not_known_teaches_nothing(truth):
    known = truth(SQUARE)
    if truth is polygons:
        unknown = Instances((8, 8), gt_masks=PolygonMasks([[]]))
    else:
        unknown = Instances((8, 8), gt_masks=BitMasks(torch.zeros(1, 8, 8, dtype=torch.bool)))
    logits = torch.zeros(2, 1, 4, 4, requires_grad=True)
    first = torch.tensor([0])

    def learn(*targets):
        found = mask_loss(logits, [REGION] * 2, [first] * 2, [first] * 2, list(targets))
        (slope,) = torch.autograd.grad(found["loss_mask"], logits)
        return found["loss_mask"].item(), slope.flatten(1).abs().sum(dim=1) > 0

    with EventStorage():
        loss, is_taught = learn(known, unknown)
        assert loss == pytest.approx(math.log(2))
        assert is_taught.tolist() == [True, False]
        assert learn(unknown, unknown)[0] == 0
