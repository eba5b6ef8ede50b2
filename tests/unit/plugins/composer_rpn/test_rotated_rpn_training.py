"""The training nodes of an RPN on rotated boxes, held against upright ones where boxes lie flat."""

import math

import pytest
import torch

from composer.events import EventStorage
from composer.ops import make_rotated_cell_anchors
from composer.structures import Boxes, ImageList, RotatedBoxes, pairwise_iou_rotated
from composer_rpn.rpn_losses import rpn_losses
from composer_rpn.rpn_targets import rpn_targets
from strategies.rotated_boxes import lay_flat, random_corners, rotated_truth, truth_of

OBJECT = [30.0, 30.0, 20.0, 8.0, 30.0]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_flat_anchors_are_labelled_as_by_the_ordinary_rpn():
    flat, rotated = truth_of(random_corners(3))
    anchors = [random_corners(50), random_corners(20)]
    options = {"batch_size_per_image": 20, "positive_fraction": 0.25}
    images = ImageList(torch.zeros(2, 3, 99, 99), [(99, 99)] * 2)
    expected = rpn_targets(images, anchors, [flat, flat[:0]], generator=generator(), **options)
    found = rpn_targets(
        images,
        [lay_flat(level) for level in anchors],
        [rotated, rotated[:0]],
        generator=generator(),
        **options,
    )
    torch.testing.assert_close(found.labels, expected.labels)
    is_object = expected.labels[0] == 1
    torch.testing.assert_close(
        found.boxes[0].tensor[is_object], lay_flat(expected.boxes[0].tensor[is_object])
    )
    assert len(found.boxes[1]) == 70


def test_the_turn_of_an_anchor_decides_what_it_is():
    anchors = torch.tensor([OBJECT] * 3)
    anchors[:, 4] += torch.tensor([0.0, 90.0, 180.0])
    images = ImageList(torch.zeros(1, 3, 99, 99), [(99, 99)])
    found = rpn_targets(images, [anchors], [rotated_truth(OBJECT)], generator=generator())
    assert found.labels[0].tolist() == [1, 0, 1]


def default_anchors(rows, columns, stride=16):
    down, across = (torch.arange(length) * float(stride) for length in (rows, columns))
    places = torch.cartesian_prod(down, across).flip(1)
    at = torch.cat((places, places.new_zeros(len(places), 3)), dim=1)
    cell = make_rotated_cell_anchors(
        (32.0, 64.0, 128.0, 256.0, 512.0), (0.5, 1.0, 2.0), (-90.0, 0.0, 90.0)
    )
    return (at[:, None] + cell).reshape(-1, 5)


def label(anchors, *objects):
    images = ImageList(torch.zeros(1, 3, 99, 99), [(99, 99)])
    options = {"batch_size_per_image": 2**20, "positive_fraction": 1.0}
    found = rpn_targets(
        images, [anchors], [rotated_truth(*objects)], generator=generator(), **options
    )
    return (found.labels[0] == 1).nonzero().squeeze(1).tolist()


def test_all_anchors_that_cover_an_object_alike_are_positive():
    torch.manual_seed(3)
    anchors = default_anchors(20, 25)
    spread = torch.tensor([400.0, 320.0, 150.0, 150.0, 360.0])
    objects = torch.rand(60, 5) * spread + torch.tensor([0.0, 0.0, 10.0, 10.0, -180.0])
    exact = pairwise_iou_rotated(RotatedBoxes(objects.double()), RotatedBoxes(anchors.double()))
    best = exact.amax(dim=1, keepdim=True)
    expected = (exact >= best * (1 - 1e-6)).any(dim=0) | (exact.amax(dim=0) >= 0.7)
    found = label(anchors, *objects.tolist())
    assert found == expected.nonzero().squeeze(1).tolist()
    assert len(found) >= 180  # each region is an anchor at three angles


def test_anchors_around_small_objects_are_labelled_as_by_detectron2():
    anchors = default_anchors(1, 2)
    around = [*range(9), 46, 48, 49, 50, 51, 53]
    assert label(anchors, [2.0, 2.0, 2.0, 2.0, 30.0], [4.0, 4.0, 4.0, 4.0, 0.0]) == around
    assert label(anchors, [1.5, 5.5, 1.0, 3.0, 0.0], [8.5, 4.0, 3.0, 2.0, -50.0]) == around


def test_flat_boxes_have_the_losses_of_the_ordinary_rpn():
    anchors, wanted = random_corners(6), random_corners(6)
    objectness, deltas = torch.randn(1, 2, 1, 3), torch.randn(1, 2, 4, 1, 3)
    labels = [torch.tensor([1, 0, 1, -1, 1, 0])]
    options = {"batch_size_per_image": 4, "smooth_l1_beta": 0.1, "loss_weight": 2.0}
    expected = rpn_losses(
        [anchors], [objectness], [deltas.flatten(1, 2)], labels, [Boxes(wanted)], **options
    )
    flat = torch.cat((deltas, torch.zeros(1, 2, 1, 1, 3)), dim=2).flatten(1, 2)
    found = rpn_losses(
        [lay_flat(anchors)],
        [objectness],
        [flat],
        labels,
        [RotatedBoxes(lay_flat(wanted))],
        **options,
    )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_an_rpn_learns_the_turn_in_radians():
    anchors, wanted = torch.tensor([OBJECT]), RotatedBoxes([OBJECT]).tensor.clone()
    wanted[0, 4] += 45
    with EventStorage() as storage:
        losses = rpn_losses(
            [anchors],
            [torch.zeros(1, 1, 1, 1)],
            [torch.zeros(1, 5, 1, 1)],
            [torch.tensor([1])],
            [RotatedBoxes(wanted)],
            batch_size_per_image=2,
            box_weights=(1.0, 1.0, 1.0, 1.0, 3.0),
        )
    assert losses["loss_rpn_loc"].item() == pytest.approx(3 * math.pi / 4 / 2)
    assert storage.latest()["rpn/num_pos_anchors"][0] == 1.0


def test_a_loss_of_overlaps_is_refused():
    with pytest.raises(ValueError, match="'giou' compares upright boxes"):
        rpn_losses(
            [torch.tensor([OBJECT])],
            [torch.zeros(1, 1, 1, 1)],
            [torch.zeros(1, 5, 1, 1)],
            [torch.tensor([1])],
            [RotatedBoxes([OBJECT])],
            bbox_reg_loss_type="giou",
        )


def test_predictions_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"Labels of \(1, 2\) .* objectness of \(1, 1\)"):
        rpn_losses(
            [torch.tensor([OBJECT])],
            [torch.zeros(1, 1, 1, 1)],
            [torch.zeros(1, 5, 1, 1)],
            [torch.tensor([1, 0])],
            [RotatedBoxes([OBJECT])],
        )
