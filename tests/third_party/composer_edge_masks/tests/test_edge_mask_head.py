"""The head keeps the contract of node types, alone and in its model."""

import pytest
import torch
from composer_edge_masks.edge_mask_head import EdgeMaskHead

from composer import Graph
from composer.structures import TensorShape
from composer.testing import check_graph, check_node_type, random_batch, random_regions

SPEC = "mask_rcnn_edge"
POOLED = TensorShape(channels=8, height=14, width=14)


@pytest.fixture
def graph():
    narrow = {
        "stem_out_channels": 8,
        "res2_out_channels": 16,
        "width_per_group": 4,
        "fpn_channels": 8,
        "fc_dim": 16,
        "mask_conv_dim": 4,
        "num_classes": 3,
        "rpn_post_nms_topk_inference": 20,
    }
    return Graph.from_spec(SPEC, **narrow)


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("num_regions", [0, 3])
def test_head_keeps_the_contract(mode, num_regions):
    config = {"num_classes": 5, "channels": 6, "num_convs": 2, "dilations": [1, 3]}
    inputs = {"x": random_regions(POOLED, num_regions=num_regions)}
    check_node_type(EdgeMaskHead, inputs, config=config, shapes={"x": POOLED}, mode=mode)


def test_model_keeps_the_contract(graph):
    check_graph(graph, random_batch([(64, 96)]), until="mask_head")


def test_masks_of_the_model_come_from_this_head(graph):
    assert isinstance(graph.roi_heads.mask_head, EdgeMaskHead)
    batch = random_batch([(64, 96)])
    (found,) = graph(batch)
    assert found["instances"].pred_masks.shape[1:] == (64, 96)


def test_outlines_have_one_channel_at_twice_the_resolution(graph):
    edges = graph.run(random_batch([(64, 96)]), until="mask_head.edge_logits")
    assert edges.shape[1:] == (1, 28, 28)


def test_outlines_learn_from_their_own_loss():
    head = EdgeMaskHead(x_shape=POOLED, num_classes=2, channels=4)
    outlines = head(x=random_regions(POOLED)).edge_logits
    torch.nn.functional.softplus(outlines).mean().backward()
    assert head.edge_predictor.predictor.weight.grad.abs().sum() > 0
    assert head.mask_predictor.predictor.weight.grad is None
