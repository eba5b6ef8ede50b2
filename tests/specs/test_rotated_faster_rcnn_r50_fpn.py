"""The shipped spec for rotated boxes at a small size: its nodes, hard inputs, training."""

import pytest
import torch

from composer import Graph, SpecError
from composer.structures import Instances, RotatedBoxes
from composer.testing import check_graph

SMALL = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 8,
    "fc_dim": 16,
    "num_classes": 3,
    "rpn_post_nms_topk_training": 50,
    "rpn_post_nms_topk_inference": 50,
}
OBJECTS = RotatedBoxes([[30.0, 30.0, 32.0, 16.0, 30.0], [60.0, 40.0, 40.0, 24.0, -60.0]])

WIRES = {name: f"sampled.{name}" for name in ("boxes", "classes", "matched_indices")}


def build(**params):
    return Graph.from_spec("rotated_faster_rcnn_r50_fpn", **{**SMALL, **params})


@pytest.fixture(scope="module")
def graph():
    return build(score_threshold=0.0).requires_grad_(False)


def record(rows, columns, **entries):
    return {"image": torch.rand(3, rows, columns) * 255, **entries}


def labelled(objects=OBJECTS, size=(64, 96)):
    classes = torch.arange(len(objects))
    return record(*size, instances=Instances(size, gt_boxes=objects, gt_classes=classes))


def test_it_differs_from_faster_rcnn_in_what_touches_boxes_only(graph):
    plain = Graph.from_spec("faster_rcnn_r50_fpn", **SMALL)
    assert set(graph.nodes()) == set(plain.nodes())
    rotated = {name: tuple(value.shape) for name, value in graph.state_dict().items()}
    shapes = {name: tuple(value.shape) for name, value in plain.state_dict().items()}
    assert rotated.keys() == shapes.keys()
    changed = {name.rsplit(".", 1)[0] for name in shapes if rotated[name] != shapes[name]}
    assert changed == {
        "proposal_generator.rpn_head.objectness_logits",
        "proposal_generator.rpn_head.anchor_deltas",
        "roi_heads.box_predictor.bbox_pred",
    }
    assert rotated["proposal_generator.rpn_head.anchor_deltas.weight"] == (45, 8, 1, 1)
    assert rotated["roi_heads.box_predictor.bbox_pred.weight"] == (15, 16)


def test_what_works_on_upright_boxes_only_cannot_be_wired():
    node = {"uses": "foreground", "when": "training", "inputs": WIRES}
    nodes = {"roi_heads": {"nodes": {"foreground": node}}}
    with pytest.raises(SpecError, match=r"expects\s+Boxes per image, but 'sampled\.boxes' returns"):
        Graph.from_spec({"composer": 1, "extends": "rotated_faster_rcnn_r50_fpn", "nodes": nodes})


def test_results_are_rotated_boxes_in_the_size_that_is_asked_for(graph):
    (result,) = graph([record(64, 96, height=128, width=100)])
    instances = result["instances"]
    assert instances.image_size == (128, 100)
    assert isinstance(instances.pred_boxes, RotatedBoxes)
    assert 0 < len(instances) <= 100


def test_images_of_different_sizes_make_one_batch_and_none_make_no_results(graph):
    results = graph([record(1, 1), record(70, 20), record(33, 100)])
    assert [one["instances"].image_size for one in results] == [(1, 1), (70, 20), (33, 100)]
    assert graph([]) == []


def test_no_proposals_make_empty_instances(graph):
    found = graph.run([record(40, 50)], feeds={"proposal_generator": [RotatedBoxes([])]})
    assert len(found[0]["instances"]) == 0


def test_pixels_that_are_not_finite_make_no_detections(graph):
    (result,) = graph([{"image": torch.full((3, 40, 50), float("nan"))}])
    assert len(result["instances"]) == 0


@pytest.mark.slow
def test_training_lowers_the_loss():
    graph = build(backbone_norm="BN", depth=18, batch_size_per_image=32)
    optimizer = torch.optim.Adam(graph.train().parameters(), lr=3e-3)
    batch, totals = [labelled(OBJECTS[:1], (48, 64))], []
    for _ in range(20):
        losses = graph(batch)
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert list(losses) == ["loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg"]
    assert totals[-1] < 0.5 * totals[0]


def test_images_without_ground_truth_train_without_a_fault():
    graph = build(batch_size_per_image=8).train()
    losses = graph([labelled(RotatedBoxes([])), labelled(RotatedBoxes([]))])
    sum(losses.values()).backward()
    assert losses["loss_rpn_loc"].item() == losses["loss_box_reg"].item() == 0
    gradients = [weight.grad for weight in graph.parameters() if weight.requires_grad]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


@pytest.mark.slow
def test_every_node_keeps_the_contract():
    graph = build(batch_size_per_image=8)
    check_graph(graph.eval(), [labelled()])
    check_graph(graph.train(), [labelled()])


def test_sampled_regions_can_be_looked_at_alone():
    graph = build(batch_size_per_image=8).train()
    ran = []
    graph.add_hook(lambda path, inputs: ran.append(path), "before")
    (boxes,) = graph.run([labelled()], until="sampled")
    assert isinstance(boxes, RotatedBoxes)
    assert "roi_heads.box_pooler" not in ran
