"""The shipped spec of Mask R-CNN R50-FPN at a small size: its nodes, its params, hard inputs."""

import pytest
import torch

from composer import Graph
from composer.structures import Boxes

SMALL = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 8,
    "num_classes": 3,
}

NODES = [
    "preprocess",
    "backbone.bottom_up",
    "backbone.fpn",
    "proposal_generator.anchors",
    "proposal_generator.rpn_head",
    "proposal_generator.proposals",
    "roi_heads.box_pooler",
    "roi_heads.box_head",
    "roi_heads.box_predictor",
    "roi_heads.detections",
    "roi_heads.mask_pooler",
    "roi_heads.mask_head",
    "roi_heads.masks",
    "roi_heads.instances",
    "postprocess",
]


def build(**params):
    return Graph.from_spec("mask_rcnn_r50_fpn", **{**SMALL, **params}).requires_grad_(False)


@pytest.fixture(scope="module")
def graph():
    return build(score_threshold=0.0)


def record(rows, columns, **entries):
    return {"image": torch.rand(3, rows, columns) * 255, **entries}


def test_it_has_the_nodes_that_the_documents_name(graph):
    assert sorted(graph.nodes()) == sorted(NODES)


def test_results_have_the_fields_and_the_size_that_are_asked_for(graph):
    (result,) = graph([record(64, 96, height=128, width=100)])
    instances = result["instances"]
    assert instances.image_size == (128, 100)
    assert list(instances.get_fields()) == ["pred_boxes", "scores", "pred_classes", "pred_masks"]
    assert 0 < len(instances) <= 100
    assert instances.pred_masks.shape[1:] == (128, 100)
    assert instances.pred_classes.max() < 3


def test_images_of_very_different_sizes_make_one_batch(graph):
    results = graph([record(1, 1), record(300, 20), record(33, 257)])
    sizes = [result["instances"].image_size for result in results]
    assert sizes == [(1, 1), (300, 20), (33, 257)]
    for result, (height, width) in zip(results, sizes, strict=True):
        boxes = result["instances"].pred_boxes.tensor
        assert (boxes >= 0).all()
        assert (boxes <= torch.tensor([width, height, width, height])).all()


def test_an_empty_batch_has_no_results(graph):
    assert graph([]) == []
    assert graph.run([], until="mask_pooler").shape == (0, 8, 14, 14)


def test_no_detections_make_empty_instances():
    (result,) = build(score_threshold=1.0)([record(40, 50)])
    assert len(result["instances"]) == 0
    assert result["instances"].pred_masks.shape == (0, 40, 50)


def test_no_proposals_make_empty_instances(graph):
    found = graph.run([record(40, 50)], feeds={"proposal_generator": [Boxes([])]})
    assert len(found[0]["instances"]) == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_make_no_detections(graph, bad):
    records = [record(40, 50)]
    logits = graph.run(records, until="box_predictor")
    feeds = {"roi_heads.box_predictor.class_logits": torch.full_like(logits, bad)}
    assert len(graph.run(records, feeds=feeds)[0]["instances"]) == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_pixels_that_are_not_finite_make_no_detections(graph, bad):
    (result,) = graph([{"image": torch.full((3, 40, 50), bad)}])
    assert len(result["instances"]) == 0


def test_params_reach_their_nodes():
    graph = build(depth=101, num_classes=7, max_per_image=4, score_threshold=0.0)
    shapes = {name: tuple(value.shape) for name, value in graph.state_dict().items()}
    assert "backbone.bottom_up.res4.22.conv1.weight" in shapes
    assert shapes["roi_heads.box_predictor.cls_score.weight"] == (8, 16)
    assert shapes["roi_heads.box_predictor.bbox_pred.weight"] == (28, 16)
    assert shapes["roi_heads.mask_head.predictor.weight"] == (7, 8, 1, 1)
    assert len(graph([record(64, 64)])[0]["instances"]) <= 4
