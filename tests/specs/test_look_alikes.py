"""Models are trained and run on what a data pipeline of detectron2 gives, as on our own."""

import numpy as np
import pytest
import torch

from composer import Graph
from composer.structures import BitMasks, Boxes, Instances, PolygonMasks
from strategies.look_alikes import Polygons, Records, Rows

SMALL = {
    "depth": 18,
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 16,
    "num_classes": 3,
    "batch_size_per_image": 16,
}
ROWS = torch.tensor([[4.0, 6.0, 40.0, 30.0], [20.0, 10.0, 60.0, 60.0]])
CLASSES = torch.tensor([0, 2])
POLYGONS = [[np.array([4.0, 6.0, 40.0, 6.0, 22.0, 30.0])], [np.array([20.0, 10, 60, 10, 60, 60])]]
BITS = torch.zeros(2, 64, 64, dtype=torch.bool)
BITS[:, 12:28, 22:38] = True


@pytest.fixture(scope="module")
def image():
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(PolygonMasks(POLYGONS), Polygons(POLYGONS)), (BitMasks(BITS), Rows(BITS))],
    ids=["polygons", "bits"],
)
def test_mask_rcnn_learns_the_same_from_ground_truth_that_looks_alike(image, ours, theirs):
    graph = Graph.from_spec("mask_rcnn_r50_fpn", **SMALL, mask_conv_dim=8).train()
    truth = Instances((64, 64), gt_boxes=Boxes(ROWS), gt_classes=CLASSES, gt_masks=ours)
    alike = Records((64, 64), gt_boxes=Rows(ROWS), gt_classes=CLASSES, gt_masks=theirs)
    expected, found = (
        graph.run([{"image": image, "instances": one}], mode="training", seed=3)
        for one in (truth, alike)
    )
    assert found["loss_mask"].item() > 0
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_fast_rcnn_takes_proposals_that_look_alike(image):
    graph = Graph.from_spec("fast_rcnn_r50_fpn", **SMALL, score_threshold=0.0)
    logits = torch.zeros(2)
    ours = Instances((64, 64), proposal_boxes=Boxes(ROWS), objectness_logits=logits)
    alike = Records((64, 64), proposal_boxes=Rows(ROWS), objectness_logits=logits)
    expected, found = (
        graph([{"image": image, "proposals": one}])[0]["instances"] for one in (ours, alike)
    )
    assert len(found) > 0
    assert torch.equal(found.pred_boxes.tensor, expected.pred_boxes.tensor)


def test_rotated_ground_truth_may_look_alike(image):
    params = {**SMALL, "rpn_post_nms_topk_training": 20}
    graph = Graph.from_spec("rotated_faster_rcnn_r50_fpn", **params).train()
    boxes = Rows(torch.tensor([[30.0, 30.0, 32.0, 16.0, 30.0]]))
    alike = Records((64, 64), gt_boxes=boxes, gt_classes=CLASSES[:1])
    losses = graph([{"image": image, "instances": alike}])
    assert losses["loss_box_reg"].item() > 0
