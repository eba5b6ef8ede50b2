"""A configuration is imported and trained from the command line."""

import json

import pytest
import yaml

from composer.cli.main import main
from composer.data import write_shape_dataset
from unit.importing.keys import PYRAMID

SMALL = {
    **PYRAMID,
    "MODEL.META_ARCHITECTURE": "PanopticFPN",
    "MODEL.MASK_ON": True,
    "MODEL.BACKBONE.FREEZE_AT": 0,
    "MODEL.RESNETS.DEPTH": 18,
    "MODEL.RESNETS.RES2_OUT_CHANNELS": 64,
    "MODEL.FPN.OUT_CHANNELS": 16,
    "MODEL.RPN.POST_NMS_TOPK_TRAIN": 50,
    "MODEL.ROI_HEADS.NUM_CLASSES": 3,
    "MODEL.ROI_BOX_HEAD.FC_DIM": 16,
    "MODEL.ROI_MASK_HEAD.CONV_DIM": 16,
    "MODEL.ROI_MASK_HEAD.NUM_CONV": 1,
    "MODEL.SEM_SEG_HEAD.CONVS_DIM": 32,
    "MODEL.SEM_SEG_HEAD.NUM_CLASSES": 3,
}
TRAINING = {
    "composer_experiment": 1,
    "datasets": {
        "shapes": {
            "uses": "coco_panoptic",
            "with": {
                "annotations": "shapes/panoptic.json",
                "images": "shapes/images",
                "panoptic": "shapes/panoptic",
                "instances": "shapes/instances.json",
            },
        }
    },
    "train": {"datasets": ["shapes"], "batch_size": 2, "num_workers": 0, "augmentations": []},
    "training": {"iterations": 3, "optimizer": {"uses": "SGD", "lr": 1e-4}, "log_every": 1},
    "from_scratch": True,
}


@pytest.mark.slow
def test_the_weight_of_instances_is_that_of_box_regression_and_masks(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_shape_dataset("shapes", 4, 64, panoptic=True)
    first = {}
    for name, weight in (("plain", 1.0), ("weighed", 0.7)):
        file = config({**SMALL, "MODEL.PANOPTIC_FPN.INSTANCE_LOSS_WEIGHT": weight})
        assert main(["import", str(file), "--output", f"{name}.yaml"]) == 0
        (tmp_path / "e.yaml").write_text(yaml.safe_dump({**TRAINING, "spec": f"{name}.yaml"}))
        assert main(["train", "--experiment", "e.yaml", "--output", name, "--quiet"]) == 0
        lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        assert len(lines) == 3
        first[name] = {k: v for k, v in json.loads(lines[0]).items() if k.startswith("loss_")}
    assert {"loss_cls", "loss_box_reg", "loss_mask", "loss_sem_seg"} <= first["plain"].keys()
    scaled = {"loss_box_reg", "loss_mask"}
    expected = {k: v * (0.7 if k in scaled else 1.0) for k, v in first["plain"].items()}
    assert first["weighed"] == pytest.approx(expected, rel=1e-4)
    assert all(first["plain"][name] > 0 for name in scaled)
