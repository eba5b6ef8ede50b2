import pytest
import torch
import torch.nn.functional as F

from composer.events import EventStorage
from composer.structures import BitMasks, Boxes, ImageList, Instances, PolygonMasks
from composer_point_rend.point_losses import point_mask_loss, point_sem_seg_loss

SIZE = (20, 30)
# A rectangle from (6, 4) to (18, 12).
RECTANGLE = [[6.0, 4.0, 18.0, 4.0, 18.0, 12.0, 6.0, 12.0]]
BITS = torch.zeros(2, *SIZE, dtype=torch.bool)
BITS[0, 4:12, 6:18] = True


def truth(masks):
    boxes = Boxes(torch.tensor([[6.0, 4.0, 18.0, 12.0]] * len(masks)))
    return Instances(SIZE, gt_boxes=boxes, gt_masks=masks)


def loss_of(logits, points, masks=None, matched=(0,), classes=(1,), box=(0.0, 0.0, 30.0, 20.0)):
    masks = BitMasks(BITS[:1]) if masks is None else masks
    with EventStorage() as storage:
        losses = point_mask_loss(
            logits,
            points,
            [Boxes(torch.tensor([box] * len(matched)))],
            [torch.tensor(classes)],
            [torch.tensor(matched)],
            [truth(masks)],
        )
    return losses["loss_mask_point"], storage


def test_points_inside_and_outside_are_told_apart():
    points = torch.tensor([[[12 / 30, 8 / 20], [3 / 30, 8 / 20], [25 / 30, 15 / 20]]])
    logits = torch.tensor([[[9.0, 9.0, 9.0], [2.0, -1.0, 0.5]]])
    found, storage = loss_of(logits, points)
    wanted = torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(found, F.binary_cross_entropy_with_logits(logits[0, 1], wanted))
    assert float(storage.latest()["point/accuracy"][0]) == pytest.approx(2 / 3)


def test_a_point_on_the_outline_is_half_inside():
    found, _ = loss_of(torch.zeros(1, 1, 1) + 2, torch.tensor([[[6 / 30, 8 / 20]]]))
    expected = F.binary_cross_entropy_with_logits(torch.tensor(2.0), torch.tensor(0.5))
    torch.testing.assert_close(found, expected)


def test_points_are_within_the_regions():
    # A region from (6, 4) to (30, 20): its point (0.25, 0.25) is (12, 8).
    points = torch.tensor([[[0.25, 0.25], [0.75, 0.75]]])
    logits = torch.tensor([[[3.0, -3.0]]])
    found, _ = loss_of(logits, points, box=(6.0, 4.0, 30.0, 20.0))
    assert found < 0.1


def test_polygons_are_filled():
    points = torch.rand(3, 50, 2)
    logits = torch.randn(3, 2, 50)
    arguments = {"matched": (0, 0, 0), "classes": (1, 0, 1)}
    bits, _ = loss_of(logits, points, **arguments)
    polygons, _ = loss_of(logits, points, masks=PolygonMasks([RECTANGLE]), **arguments)
    torch.testing.assert_close(polygons, bits)


def test_objects_without_a_mask_teach_nothing():
    points, logits = torch.rand(2, 5, 2), torch.randn(2, 2, 5)
    both, _ = loss_of(logits, points, BitMasks(BITS), matched=(0, 1), classes=(1, 0))
    alone, _ = loss_of(logits[:1], points[:1], BitMasks(BITS))
    torch.testing.assert_close(both, alone)
    none, _ = loss_of(logits[:1], points[:1], BitMasks(BITS), matched=(1,))
    assert none == 0


def test_no_regions_have_a_loss_of_zero_with_gradients():
    logits = torch.zeros(0, 2, 5, requires_grad=True)
    found = point_mask_loss(logits, torch.zeros(0, 5, 2), [], [], [], [])["loss_mask_point"]
    found.backward()
    assert found == 0


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="1 regions, but points of 2 and logits of 1"):
        loss_of(torch.rand(1, 1, 3), torch.rand(2, 3, 2))


def images(sizes):
    height, width = max(s[0] for s in sizes), max(s[1] for s in sizes)
    return ImageList(torch.zeros(len(sizes), 3, height, width), sizes)


def test_points_have_the_classes_of_their_pixels():
    sizes = [(8, 12), (6, 10)]
    targets = [torch.randint(4, size) for size in sizes]
    targets[0][:2] = 255
    points, logits = torch.rand(2, 300, 2), torch.randn(2, 4, 300)
    found = point_sem_seg_loss(logits, points, images(sizes), targets)["loss_sem_seg_point"]
    padded = torch.full((2, 1, 8, 12), 255.0)
    for index, target in enumerate(targets):
        padded[index, 0, : target.shape[0], : target.shape[1]] = target
    grid = 2 * points[:, :, None] - 1
    wanted = F.grid_sample(padded, grid, mode="nearest", align_corners=False)[:, 0, :, 0].long()
    expected = F.cross_entropy(logits, wanted, ignore_index=255)
    torch.testing.assert_close(found, expected)


def test_points_on_the_border_and_pixels_that_do_not_count():
    sizes = [(4, 4)]
    points = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    logits = torch.randn(1, 3, 2)
    target = torch.full((4, 4), 255)
    assert point_sem_seg_loss(logits, points, images(sizes), [target])["loss_sem_seg_point"] == 0
    target[3, 3] = 2
    found = point_sem_seg_loss(logits, points, images(sizes), [target], loss_weight=2.0)
    expected = 2 * F.cross_entropy(logits[..., 0], torch.tensor([2]))
    torch.testing.assert_close(found["loss_sem_seg_point"], expected)


def test_targets_of_other_images_are_refused():
    with pytest.raises(ValueError, match="targets of 0 images for 1"):
        point_sem_seg_loss(torch.rand(1, 3, 2), torch.rand(1, 2, 2), images([(4, 4)]), [])
