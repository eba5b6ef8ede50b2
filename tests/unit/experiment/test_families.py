"""Every family of models learns from datasets: its losses fall on images that it sees again."""

import json

import pytest
import yaml

from composer.data import write_shape_dataset
from composer.experiment import load_experiment, run_experiment

BACKBONE = {
    "depth": 18,
    "backbone_norm": "BN",
    "freeze_at": 0,
    "stem_out_channels": 8,
    "res2_out_channels": 8,
}
PYRAMID = {**BACKBONE, "fpn_channels": 32}
REGIONS = {**PYRAMID, "fc_dim": 32, "rpn_post_nms_topk_training": 50, "batch_size_per_image": 32}
FEW = {"rpn_post_nms_topk_training": 50, "batch_size_per_image": 32}
FAMILIES = {
    "rpn_r50_fpn": PYRAMID,
    "faster_rcnn_r50_fpn": REGIONS,
    "mask_rcnn_r50_fpn": {**REGIONS, "mask_conv_dim": 16},
    "keypoint_rcnn_r50_fpn": {**REGIONS, "keypoint_conv_dim": 16, "num_keypoints": 3},
    "cascade_mask_rcnn_r50_fpn": {**REGIONS, "mask_conv_dim": 16},
    "faster_rcnn_r50_c4": {**BACKBONE, **FEW, "width_per_group": 4},
    "faster_rcnn_r50_dc5": {**BACKBONE, **FEW, "depth": 50, "width_per_group": 4, "fc_dim": 32},
    "fast_rcnn_r50_fpn": {**PYRAMID, "fc_dim": 32, "batch_size_per_image": 32},
    "rotated_faster_rcnn_r50_fpn": REGIONS,
    "retinanet_r50_fpn": PYRAMID,
    "fcos_r50_fpn": PYRAMID,
    "semantic_r50_fpn": {**PYRAMID, "sem_seg_num_classes": 3},
    "panoptic_r50_fpn": {**REGIONS, "mask_conv_dim": 16, "sem_seg_num_classes": 3},
}
# Their losses are divided by a running average that begins at hundreds of objects, and would rise.
NORMALIZERS = {
    "retinanet_r50_fpn": {"initial_normalizer": 10.0},
    "fcos_r50_fpn": {"normalizer_momentum": 0.0},
}
OBJECTS = {
    "uses": "coco",
    "with": {"annotations": "shapes/instances.json", "images": "shapes/images"},
}
SEGMENTS = {
    "uses": "coco_panoptic",
    "with": {
        "annotations": "shapes/panoptic.json",
        "images": "shapes/images",
        "panoptic": "shapes/panoptic",
    },
}


def describe(family):
    """An experiment that sees the same four images again and again."""
    is_panoptic = family.startswith(("semantic", "panoptic"))
    return {
        "composer_experiment": 1,
        "spec": "spec.yaml",
        "set": {"model": FAMILIES[family]},
        "datasets": {
            "shapes": SEGMENTS if is_panoptic else {**OBJECTS, "proposals": "proposals.json"}
        },
        "train": {
            "datasets": ["shapes"],
            "batch_size": 4,
            "num_workers": 0,
            "augmentations": [],
            "rotated_boxes": family.startswith("rotated"),
        },
        "training": {
            "iterations": 16 if family.startswith("keypoint") else 6,  # one place of thousands
            "optimizer": {"uses": "AdamW", "lr": 0.005},
            "clip": {"norm": 10.0},
            "log_every": 1,
        },
    }


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """Images, and proposals for them: their objects, moved a little."""
    monkeypatch.chdir(tmp_path)
    found = write_shape_dataset("shapes", 4, 64, panoptic=True, keypoints=True)
    annotations = json.loads(found.annotations.read_text())["annotations"]
    entries = [
        {"image_id": one["image_id"], "bbox": [one["bbox"][0] + dx, *one["bbox"][1:]], "score": dx}
        for one in annotations
        for dx in (-6, -2, 0, 2, 6)
    ]
    (tmp_path / "proposals.json").write_text(json.dumps(entries))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_losses_fall(family, shapes):
    spec = {"composer": 1, "name": "small", "extends": family}
    if family in NORMALIZERS:
        spec["nodes"] = {"losses": {"with": NORMALIZERS[family]}}
    (shapes / "spec.yaml").write_text(yaml.safe_dump(spec))
    experiment = load_experiment(describe(family))
    summary = run_experiment(experiment, "run", quiet=True)
    assert summary.status == "finished"
    lines = (shapes / "run/metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["total_loss"] for line in lines]
    assert min(losses[-3:]) < 0.9 * losses[0], losses


@pytest.mark.parametrize("metrics", [["rotated_bbox"], None])
def test_rotated_boxes_can_be_measured_meanwhile(metrics, shapes):
    document = describe("rotated_faster_rcnn_r50_fpn")
    seen = {"datasets": ["shapes"], "num_workers": 0, "augmentations": []}
    document |= {"spec": "rotated_faster_rcnn_r50_fpn", "validation": seen}
    document["training"]["iterations"] = 1
    document["evaluation"] = {"metrics": metrics}
    summary = run_experiment(load_experiment(document), "run", quiet=True)
    assert 0 <= summary.metrics["rotated_bbox/AP"] <= 1
