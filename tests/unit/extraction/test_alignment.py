"""The rows of detections, compared with what can be computed by hand."""

import pytest
import torch

from composer.data import read_image, with_size
from composer.prediction import Predictor
from composer.structures import Boxes, ROIMasks, RotatedBoxes

SIDE = 120  # of the images, in pixels: small ones are quick


def predict(graph, photo, threshold):
    return Predictor(graph, score_threshold=threshold, image_size=SIDE)(photo).instances


def extract(graph, photo, until, **options):
    return list(graph.extract(photo, until, per="detection", image_size=SIDE, **options))


def read(graph, photo):
    return read_image(photo, with_size(graph.blueprint.image_format, SIDE))


def compute(graph, photo, *names):
    record = read(graph, photo)
    with torch.no_grad():
        return graph.run([record], until=list(names), seed=0)


@pytest.mark.parametrize(
    "name",
    [
        "mask_rcnn_r50_fpn",
        "keypoint_rcnn_r50_fpn",
        "cascade_mask_rcnn_r50_fpn",
        "retinanet_r50_fpn",
        "fcos_r50_fpn",
    ],
)
def test_boxes_scores_and_classes_are_those_of_predictions(make_small, photo, name):
    graph = make_small(name)
    everything = predict(graph, photo, 0)
    threshold = everything.scores.sort().values[len(everything) // 2].item()
    found = predict(graph, photo, threshold)
    rows = extract(graph, photo, None, score_threshold=threshold)
    assert 0 < len(rows) < len(everything)
    assert torch.equal(torch.stack([row["box"] for row in rows]), found.pred_boxes.tensor)
    assert [row["score"] for row in rows] == found.scores.tolist()
    assert [row["class"] for row in rows] == found.pred_classes.tolist()
    assert [row["detection"] for row in rows] == list(range(len(rows)))
    assert {row["file_name"] for row in rows} == {str(photo)}
    assert {(row["height"], row["width"], row["error"]) for row in rows} == {(60, 90, None)}


def test_the_head_of_a_row_gives_the_score_of_the_row(make_small, photo):
    graph = make_small("mask_rcnn_r50_fpn")
    rows = extract(graph, photo, ["box_head", "box_pooler"], score_threshold=0)
    assert len(rows) > 2
    heads = torch.stack([row["box_head"] for row in rows])
    with torch.no_grad():
        chances = graph.module("box_predictor")(heads).class_logits.softmax(dim=1)
    for chance, row in zip(chances, rows, strict=True):
        assert chance[row["class"]].item() == pytest.approx(row["score"], abs=1e-5)
    by_hand = compute(graph, photo, "box_head", "box_pooler", "detections.proposal_indices")
    for row in rows:
        index = by_hand["detections.proposal_indices"][0][row["detection"]]
        assert row["region"] == index
        assert torch.equal(row["box_head"], by_hand["box_head"][index])
        assert torch.equal(row["box_pooler"], by_hand["box_pooler"][index])


def test_a_row_that_predictions_drop_moves_no_other(make_small, photo):
    """Boxes without area go when they are scaled; what is left keeps its own features."""
    graph = make_small("mask_rcnn_r50_fpn")
    by_hand = compute(graph, photo, "detections.boxes", "detections.scores", "mask_pooler")
    boxes = by_hand["detections.boxes"][0].tensor.clone()
    boxes[1, 2] = boxes[1, 0]
    record = read(graph, photo)
    with torch.no_grad():
        results = graph.run([record], feeds={"detections.boxes": [Boxes(boxes)]})
    assert len(results[0]["instances"]) == len(boxes) - 1

    from composer.extraction import Extractor

    extractor = Extractor(graph, ["detections.scores"], "detection", image_size=SIDE)
    request = extractor.request
    values = compute(graph, photo, *request.names)
    values["roi_heads.detections.boxes"] = [Boxes(boxes)]
    found = request.results.follow(graph, [record], values)
    assert found.get("composer_row").tolist() == [0, *range(2, len(boxes))]


def test_results_are_rows_of_their_detections(make_small, photo):
    graph = make_small("mask_rcnn_r50_fpn")
    everything = predict(graph, photo, 0)
    threshold = everything.scores.sort().values[len(everything) // 2].item()
    found = predict(graph, photo, threshold)
    rows = extract(graph, photo, "postprocess", score_threshold=threshold)
    assert 0 < len(rows) == len(found) < len(everything)
    for place, row in enumerate(rows):
        assert torch.equal(row["postprocess.pred_masks"], found.pred_masks[place])
        assert torch.equal(row["postprocess.pred_boxes"], row["box"])
        assert not any("composer" in name for name in row)


def test_features_of_masks_are_those_of_the_masks_that_are_drawn(make_small, photo):
    graph = make_small("mask_rcnn_r50_fpn")
    found = predict(graph, photo, 0)
    rows = extract(graph, photo, ["masks", "mask_head"], score_threshold=0)
    masks = torch.stack([row["masks"][0] for row in rows])
    drawn = ROIMasks(masks).paste(found.pred_boxes, (60, 90), 0.5)
    assert torch.equal(drawn, found.pred_masks)
    for row in rows:
        assert torch.equal(row["mask_head"][row["class"]].sigmoid(), row["masks"][0])


def test_keypoints_of_a_row_are_those_of_its_person(make_small, photo):
    graph = make_small("keypoint_rcnn_r50_fpn")
    found = predict(graph, photo, 0)
    rows = extract(graph, photo, ["keypoints.keypoints", "keypoint_pooler"], score_threshold=0)
    record = read(graph, photo)
    scale = torch.tensor([90 / record["image"].shape[2], 60 / record["image"].shape[1], 1.0])
    placed = torch.stack([row["keypoints.keypoints"] for row in rows]) * scale
    assert torch.allclose(placed, found.pred_keypoints, atol=1e-4)
    assert {tuple(row["keypoint_pooler"].shape) for row in rows} == {(8, 14, 14)}


def test_every_stage_of_a_cascade_has_the_rows_of_the_proposals(make_small, photo):
    graph = make_small("cascade_mask_rcnn_r50_fpn")
    stages = [f"stage{number}" for number in range(3)]
    rows = extract(graph, photo, [f"{one}.box_head" for one in stages], score_threshold=0)
    with torch.no_grad():
        chances = [
            graph.module(f"{one}.box_predictor")(
                torch.stack([row[f"{one}.box_head"] for row in rows])
            ).class_logits.softmax(dim=1)
            for one in stages
        ]
    mean = sum(chances) / 3
    for chance, row in zip(mean, rows, strict=True):
        assert chance[row["class"]].item() == pytest.approx(row["score"], abs=1e-5)
    refined = extract(graph, photo, "stage1.refined", score_threshold=0)
    by_hand = compute(graph, photo, "stage1.refined")["stage1.refined"][0].tensor
    assert all(torch.equal(row["stage1.refined"], by_hand[row["region"]]) for row in refined)


@pytest.mark.parametrize("name", ["retinanet_r50_fpn", "fcos_r50_fpn"])
def test_a_detection_of_one_stage_has_the_numbers_of_its_anchor(make_small, photo, name):
    graph = make_small(name)
    wanted = ["head.class_logits", "backbone"]
    rows = extract(graph, photo, [*wanted, "detections.class_probabilities"], score_threshold=0)
    values = compute(graph, photo, *wanted, "anchors")
    counts = [len(level) for level in values["anchors"]]
    flat = [
        maps[0].permute(1, 2, 0).reshape(count, -1)
        for maps, count in zip(values["head.class_logits"], counts, strict=True)
    ]
    per_anchor = torch.cat(flat)
    assert len({row["anchor"] for row in rows}) > 1
    for row in rows:
        assert torch.equal(row["head.class_logits"], per_anchor[row["anchor"]])
        level, local = 0, row["anchor"]
        while local >= counts[level]:
            local, level = local - counts[level], level + 1
        maps = [*values["backbone"].values()][level][0]
        cell = local // (counts[level] // (maps.shape[1] * maps.shape[2]))
        y, x = divmod(cell, maps.shape[2])
        assert torch.equal(row["backbone"], maps[:, y, x])
        if name == "retinanet_r50_fpn":
            chance = row["head.class_logits"][row["class"]].sigmoid().item()
            assert chance == pytest.approx(row["score"], abs=1e-6)


def test_boxes_at_any_angle_are_rows_too(make_small, photo):
    from composer import Graph
    from unit.extraction.conftest import TWO_STAGES

    settings = {**TWO_STAGES, "num_classes": 3}
    graph = Graph.from_spec("rotated_faster_rcnn_r50_fpn", seed=1, set=settings)
    rows = extract(graph, photo, "box_head", score_threshold=0)
    found = predict(graph, photo, 0)
    assert isinstance(found.pred_boxes, RotatedBoxes)
    assert torch.equal(torch.stack([row["box"] for row in rows]), found.pred_boxes.tensor)
    assert rows[0]["box_head"].shape == (16,)
