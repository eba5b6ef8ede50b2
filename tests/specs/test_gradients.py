"""Detections lead back to what they were computed from, in every family of detectors."""

import pytest
import torch

from composer import Graph, InputError
from composer.structures import iterate_tensors
from known_settings import known_settings
from specs.region_detectors import SMALL, build, record

DENSE = {
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "width_per_group": 2,
    "fpn_channels": 64,
    "num_convs": 1,
    "num_classes": 3,
    "score_threshold": 0.0,
}
TORCHVISION = {
    **SMALL,
    "min_size": [64],
    "max_size": 128,
    "box_conv_dim": 8,
    "num_convs": 1,
    "topk_candidates": 50,
}
GROUPED = {"fpn_channels": 64}  # two for each group of a group normalisation
REGIONS = [
    "faster_rcnn_r50_fpn",
    "mask_rcnn_r50_fpn",
    "cascade_mask_rcnn_r50_fpn",
    "keypoint_rcnn_r50_fpn",
    "faster_rcnn_r50_c4",
    "mask_rcnn_r50_c4",
    "fast_rcnn_r50_fpn",
    "rotated_faster_rcnn_r50_fpn",
]
SIGMOID = ["deformable_detr", "rt_detr"]
FIRST = ["cascade_mask_rcnn_r50_fpn", "retinanet_r50_fpn"]
SPECS = [
    *FIRST,
    *[
        pytest.param(spec, marks=pytest.mark.slow)
        for spec in (
            *[spec for spec in REGIONS if spec not in FIRST],
            "fcos_r50_fpn",
            "torchvision/retinanet_resnet50_fpn",
            "torchvision/keypointrcnn_resnet50_fpn",
            "torchvision/fcos_resnet50_fpn",
            "torchvision/ssdlite320_mobilenet_v3_large",
        )
    ],
]


def open_small(spec):
    if spec in REGIONS:
        return build(spec)
    wanted = TORCHVISION if spec.startswith("torchvision/") else DENSE
    wanted = {**wanted, **GROUPED} if "fcos" in spec or "retinanet" in spec else wanted
    if "ssdlite" in spec:
        wanted = {"width_mult": 0.25, "num_classes": 3, "score_threshold": 0.0}
    graph = Graph.from_spec(spec, **known_settings(spec, wanted))
    if "retinanet" in spec:  # whose scores are all 1 with the first weights, without gradients
        with torch.no_grad():
            for parameter in graph.module("head").parameters():
                parameter.mul_(0.1)
    return graph


def differentiate_by_hand(graph, batch, until, place, features):
    """The gradient of a score by autograd alone, at features that are given."""
    graph.requires_grad_(False)
    leaves = {name: level.detach().requires_grad_() for name, level in features.items()}
    (found,) = graph.run(batch, until=until, feeds={"backbone": leaves}, seed=1)
    found.scores[place].backward()
    return {name: leaf.grad for name, leaf in leaves.items()}


@pytest.mark.parametrize("spec", SPECS)
def test_the_score_of_a_detection_leads_back_to_the_features(spec):
    torch.manual_seed(1)
    graph, batch = open_small(spec), [record(64, 96)]
    session = graph.session(batch, seed=1)
    name = str(graph.blueprint.outputs["inference"]["instances"].slots[0])
    (found,) = session[name]
    place = len(found) // 2
    gradient = session.gradient(f"{name}[0].scores[{place}]", "backbone")
    assert any(tensor.abs().sum() > 0 for tensor in iterate_tensors(gradient))
    wanted = differentiate_by_hand(graph, batch, name, place, session["backbone"])
    for level, expected in wanted.items():
        torch.testing.assert_close(
            gradient[level], torch.zeros_like(gradient[level]) if expected is None else expected
        )


def test_a_detection_leads_back_to_the_logit_of_its_proposal():
    torch.manual_seed(1)
    session = build("faster_rcnn_r50_fpn").session([record(64, 96)], seed=1)
    rows, classes = session["detections.proposal_indices"][0], session["detections.classes"][0]
    for place in (0, len(rows) - 1):
        gradient = session.gradient(f"detections.scores[0][{place}]", "box_predictor.class_logits")
        row, column = int(rows[place]), int(classes[place])
        assert gradient.abs().sum(dim=1).nonzero().flatten().tolist() == [row]
        assert gradient[row].argmax() == column
        logits = session["box_predictor.class_logits"]
        assert session["detections.scores"][0][place] == logits[row].softmax(0)[column]


def test_masks_and_keypoints_lead_back_to_their_features():
    torch.manual_seed(1)
    session = build("mask_rcnn_r50_fpn").session([record(64, 96)], seed=1)
    gradient = session.gradient("masks[0][1].mean()", "mask_pooler")
    assert gradient.abs().sum(dim=(1, 2, 3)).nonzero().flatten().tolist() == [1]
    session = build("keypoint_rcnn_r50_fpn").session([record(64, 96)], seed=1)
    of = "roi_heads.instances[0].pred_keypoint_heatmaps[1, 0].max()"
    gradient = session.gradient(of, ["keypoint_pooler", "backbone"])["keypoint_pooler"]
    assert gradient.abs().sum(dim=(1, 2, 3)).nonzero().flatten().tolist() == [1]


def test_what_is_chosen_without_gradients_is_named():
    session = build("keypoint_rcnn_r50_fpn").session([record(64, 96)], seed=1)
    with pytest.raises(InputError, match=r"cut at 'roi_heads.keypoints' \(keypoints\)"):
        session.gradient("keypoints.keypoints[0][0, 0, 2]", "keypoint_head")
    with pytest.raises(InputError, match=r"cut at 'proposal_generator.proposals' \(proposals\)"):
        session.gradient("detections.scores[0][0]", "proposal_generator.rpn_head")


def test_a_node_that_only_seems_to_pass_gradients_on_is_named():
    session = build("mask_rcnn_r50_fpn").session([record(64, 96)], seed=1)
    with pytest.raises(InputError, match=r"cut at 'roi_heads.mask_pooler' \(roi_pooler\)"):
        session.gradient("masks[0][0].sum()", "detections.boxes")
    with pytest.raises(InputError, match=r"does not depend on 'roi_heads.detections.boxes'"):
        session.gradient("detections.scores[0][0]", "detections")


def test_a_part_of_a_graph_has_gradients_at_what_it_is_given():
    graph, batch = build("mask_rcnn_r50_fpn"), [record(64, 96)]
    session = graph.session(batch, seed=1)
    feeds = ["backbone", "proposal_generator.proposals"]
    given = {"batch": batch, **{name: session[name] for name in feeds}}
    part = graph.subgraph(feeds=feeds, until="roi_heads.masks").session(given)
    found = part.gradient("roi_heads.masks[0][0].sum()", "backbone.p2")
    expected = session.holding(feeds[1]).gradient("roi_heads.masks[0][0].sum()", "backbone.p2")
    assert torch.equal(found, expected)


def test_an_optimised_graph_has_the_gradients_of_its_own_modules():
    torch.manual_seed(1)
    graph, batch = build("mask_rcnn_r50_fpn"), [record(64, 96)]
    of, at = "detections.scores[0][0]", ["backbone", "backbone.bottom_up:res3"]
    expected = graph.session(batch, seed=1).gradient(of, at)
    session = graph.optimize().session(batch, seed=1)
    kept = session["backbone"]
    found = session.gradient(of, at)
    for name, value in expected.items():
        pairs = zip(iterate_tensors(found[name]), iterate_tensors(value), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    assert session["backbone"] is kept
    assert "by PyTorch, on the original weights: all nodes" in str(session.plan(of, at=at))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["detr", "deformable_detr", "rt_detr", "yolos"])
def test_the_score_of_a_query_leads_back_to_its_logits(kind):
    pytest.importorskip("transformers")
    from transformers_models import build_ours, build_theirs, make_records

    torch.manual_seed(1)
    session = build_ours(kind, build_theirs(kind)).session(make_records(), seed=1)
    logits = session["predictions.logits"][-1]
    found = session.gradient("detections[0].scores[1]", ["predictions.logits", "preprocess"])
    (row,) = found["predictions.logits"][-1, 0].abs().sum(dim=1).nonzero().flatten().tolist()
    chances = logits[0, row].sigmoid() if kind in SIGMOID else logits[0, row].softmax(0)
    score = session["detections"][0].scores[1]
    assert torch.isclose(chances, score).any()
    assert found["preprocess"].tensor[0].abs().sum() > 0
    assert found["preprocess"].tensor[1].abs().sum() == 0


def test_losses_lead_back_to_features():
    from specs.region_detectors import labelled

    graph = build("mask_rcnn_r50_fpn").train()
    session = graph.session([labelled([8.0, 8.0, 40.0, 44.0])], mode="training", seed=1)
    assert session.gradient("mask_loss.loss_mask", "mask_head").abs().sum() > 0
    found = session.gradient("proposal_generator.losses.loss_rpn_cls", "backbone")
    assert sum(level.abs().sum() for level in found.values()) > 0
