"""Targets, losses and detections of FCOS against torchvision, which learns the same from cells.

torchvision divides its losses by the number of positive cells of the batch, and clips boxes before
it suppresses doubled ones.
"""

import pytest
import torch
from torch import nn
from torchvision.models.detection import FCOS
from torchvision.models.detection.image_list import ImageList as TorchvisionImages

from composer.ops import flatten_cells, place_anchors
from composer.structures import Boxes, Instances
from composer_dense.fcos_detections import fcos_detections
from composer_dense.fcos_loss import FCOSLoss
from composer_dense.fcos_targets import fcos_targets

NUM_CLASSES = 5
SIZE = 256
STRIDES = (8, 16, 32, 64, 128)


class NoBackbone(nn.Module):
    out_channels = 32


def cells_of(stride):
    around_origin = torch.tensor([[-0.5, -0.5, 0.5, 0.5]]) * stride
    return place_anchors(around_origin, (SIZE // stride, SIZE // stride), stride, 0.5)


CELLS = [cells_of(stride) for stride in STRIDES]


def random_maps(channels):
    return [torch.randn(2, channels, SIZE // stride, SIZE // stride) for stride in STRIDES]


def flatten(maps, num_values):
    return torch.cat([flatten_cells(map_, num_values) for map_ in maps], dim=1)


def random_objects(count):
    corner, size = torch.rand(count, 2) * 200, torch.rand(count, 2) * 150 + 2
    boxes = torch.cat((corner, (corner + size).clamp(max=SIZE)), dim=1)
    return boxes, torch.randint(NUM_CLASSES, (count,))


@pytest.fixture
def truth():
    return [random_objects(12), random_objects(0)]


@pytest.fixture
def theirs():
    return FCOS(NoBackbone(), NUM_CLASSES, score_thresh=0.2, nms_thresh=0.6).eval()


def test_losses_are_equal_but_for_what_they_are_divided_by(truth, theirs):
    logits, distances, centers = random_maps(NUM_CLASSES), random_maps(4), random_maps(1)
    expected = theirs.compute_loss(
        [{"boxes": boxes, "labels": labels} for boxes, labels in truth],
        {
            "cls_logits": flatten(logits, NUM_CLASSES),
            "bbox_regression": flatten(distances, 4).relu(),
            "bbox_ctrness": flatten(centers, 1),
        },
        [torch.cat(CELLS)] * 2,
        [len(level) for level in CELLS],
    )
    instances = [
        Instances((SIZE, SIZE), gt_boxes=Boxes(boxes), gt_classes=labels) for boxes, labels in truth
    ]
    targets = fcos_targets(CELLS, instances, num_classes=NUM_CLASSES)
    num_positives = sum(int((classes < NUM_CLASSES).sum()) for classes in targets.classes)
    module = FCOSLoss(initial_normalizer=float(num_positives)).eval()
    found = module(CELLS, logits, distances, centers, *targets)
    assert num_positives > 10
    names = {
        "loss_fcos_cls": "classification",
        "loss_fcos_loc": "bbox_regression",
        "loss_fcos_ctr": "bbox_ctrness",
    }
    for name, their_name in names.items():
        torch.testing.assert_close(found[name], expected[their_name], rtol=1e-5, atol=1e-6)


def test_detections_are_equal(theirs):
    logits, centers = random_maps(NUM_CLASSES), random_maps(1)
    distances = [map_.abs() * 0.3 for map_ in random_maps(4)]  # few reach over the border
    images = TorchvisionImages(torch.zeros(2, 3, SIZE, SIZE), [(SIZE, SIZE)] * 2)
    expected = theirs.postprocess_detections(
        {
            "cls_logits": [flatten_cells(map_, NUM_CLASSES) for map_ in logits],
            "bbox_regression": [flatten_cells(map_, 4) for map_ in distances],
            "bbox_ctrness": [flatten_cells(map_, 1) for map_ in centers],
        },
        [CELLS] * 2,
        images.image_sizes,
    )
    found = fcos_detections(CELLS, logits, distances, centers)
    for image, one in enumerate(expected):
        clipped = found.boxes[image].clip((SIZE, SIZE)).tensor
        torch.testing.assert_close(found.scores[image], one["scores"])
        torch.testing.assert_close(found.classes[image], one["labels"])
        torch.testing.assert_close(clipped, one["boxes"])
