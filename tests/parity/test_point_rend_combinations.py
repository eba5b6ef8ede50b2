"""PointRend's heads within other models, against what its project computes for its own."""

import pytest
import torch
import yaml

from composer import Graph, import_config
from composer.structures import Boxes, Instances
from parity.golden import DATA, GoldenCase, assert_instances_match
from parity.test_point_rend import assert_scores_match

NUM_DETECTIONS = 12  # the best of each image; their masks take most of the time
FEWER = {"TEST": {"DETECTIONS_PER_IMAGE": NUM_DETECTIONS}}
CASCADE = {
    "MODEL": {
        "ROI_HEADS": {"NAME": "CascadeROIHeads"},
        "ROI_BOX_HEAD": {"CLS_AGNOSTIC_BBOX_REG": True},
    }
}
KEYPOINTS = {"MODEL": {"KEYPOINT_ON": True, "ROI_KEYPOINT_HEAD": {"CONV_DIMS": [8, 8]}}}
PANOPTIC = {
    "MODEL": {
        "META_ARCHITECTURE": "PanopticFPN",
        "ROI_HEADS": {"NAME": "StandardROIHeads", "IN_FEATURES": ["p2", "p3", "p4", "p5"]},
        "RPN": {"IN_FEATURES": ["p2", "p3", "p4", "p5", "p6"]},
        "ANCHOR_GENERATOR": {"SIZES": [[32], [64], [128], [256], [512]]},
        "ROI_BOX_HEAD": {"NAME": "FastRCNNConvFCHead", "NUM_FC": 2, "POOLER_RESOLUTION": 7},
    }
}


@pytest.fixture
def build(tmp_path):
    """Builds the model of a golden configuration with changes, and with the golden weights."""

    def build(golden, changes):
        base = tmp_path / "base.yaml"
        base.write_text((DATA / golden.name / "config.yaml").read_text())
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"_BASE_": "base.yaml", **changes}))
        graph = Graph.from_spec(import_config(path)).requires_grad_(False)
        known = {key: value.shape for key, value in graph.state_dict().items()}
        own = golden.state_dict
        shared = {key: value for key, value in own.items() if known.get(key) == value.shape}
        graph.load_state_dict(shared, strict=False)
        return graph, own.keys() - shared.keys()

    return build


def test_keypoints_change_no_masks(build):
    golden = GoldenCase("pointrend_rcnn_fpn")
    graph, left = build(golden, {**KEYPOINTS, **FEWER})
    assert not left
    found = [one["instances"] for one in graph(golden.records)]
    assert all(one.has("pred_keypoints") for one in found)
    assert_instances_match(found, best_of(golden))


def test_regions_of_a_cascade_have_the_golden_masks(build):
    golden = GoldenCase("pointrend_rcnn_fpn")
    graph, left = build(golden, CASCADE)
    assert {key.split(".")[1] for key in left} == {"box_head", "box_predictor"}
    best = best_of(golden)
    sizes = [record["image"].shape[1:] for record in golden.records]
    feeds = {
        "roi_heads.detections.boxes": [
            rescale(one.pred_boxes, one.image_size, size)
            for one, size in zip(best, sizes, strict=True)
        ],
        "roi_heads.detections.classes": [one.pred_classes for one in best],
        "roi_heads.detections.scores": [one.scores for one in best],
    }
    found = graph.run(golden.records, feeds=feeds)
    assert_instances_match([one["instances"] for one in found], best)


def best_of(golden):
    """The golden detections of highest score of each image."""
    best = []
    for one in golden.instances:
        assert (one.scores.diff() <= 0).all()
        assert len(one) > NUM_DETECTIONS
        best.append(one[:NUM_DETECTIONS])
    return best


def rescale(boxes, size, wanted):
    """The boxes of an image of one size in the same image of another."""
    (rows, columns), (height, width) = size, wanted
    scale = torch.tensor([width / columns, height / rows] * 2)
    return Boxes(boxes.tensor * scale)


def test_pixels_of_a_panoptic_model_have_the_golden_scores(build):
    golden = GoldenCase("pointrend_semantic")
    graph, left = build(golden, PANOPTIC)
    assert not left
    results = graph.run(golden.records, until="sem_seg_postprocess")
    assert_scores_match([{"sem_seg": scores} for scores in results], golden)


def test_a_panoptic_model_is_trained_on_points_of_pixels(build):
    golden = GoldenCase("pointrend_semantic")
    graph, _ = build(golden, PANOPTIC)
    document = import_config(DATA / golden.name / "config.yaml")
    # As in the other graph: frozen normalisations round otherwise where gradients are kept, and
    # points that are nearly as uncertain as each other then change places.
    alone = Graph.from_spec(document, weights=golden.weights).requires_grad_(False)
    records = [
        {
            "image": record["image"],
            "sem_seg": torch.zeros(record["image"].shape[1:], dtype=torch.int64),
            "instances": Instances(
                tuple(record["image"].shape[1:]),
                gt_boxes=Boxes(torch.zeros(0, 4)),
                gt_classes=torch.zeros(0, dtype=torch.int64),
            ),
        }
        for record in golden.records
    ]
    names = ["sem_seg_loss", "point_loss"]
    found = graph.run(records, until=names, mode="training", seed=1)
    expected = alone.run(records, until=names, mode="training", seed=1)
    torch.testing.assert_close(found, expected)
