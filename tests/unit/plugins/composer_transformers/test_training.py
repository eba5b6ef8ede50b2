"""transformers' models learn from datasets and are evaluated on them, like all others."""

import json
import math

import pytest
import torch
import yaml
from safetensors.torch import load_file

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer import Graph
from composer.data import write_shape_dataset
from composer.experiment import load_experiment, run_experiment
from transformers_models import CONFIGS, make_mask_records, small_params
from unit.cli.conftest import cli

__all__ = ["cli"]

pytestmark = pytest.mark.slow
MASKS = ("mask2former", "maskformer")
VARIANTS = [
    *CONFIGS,
    *("detr_segmentation", "detr_panoptic"),
    *("conditional_detr_segmentation", "conditional_detr_panoptic"),
    *(kind + task for kind in MASKS for task in ("", "_semantic", "_panoptic")),
]
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
MAIN_METRICS = {"_semantic": "sem_seg/mIoU", "_panoptic": "panoptic/PQ", "": "bbox/AP"}
# What the datasets count: three kinds of things, and of stuff the ground and one for all things.
COUNTS = {
    "": {"num_classes": 3},
    "_semantic": {"num_classes": 0, "num_stuff_classes": 3},
    "_panoptic": {"num_classes": 3, "num_stuff_classes": 3},
}


def split_task(variant):
    """The kind of model and what it is to find."""
    kind, mark, task = variant.partition("_semantic" if "semantic" in variant else "_panoptic")
    return kind, mark + task


def describe(variant):
    """An experiment that sees the same four images again and again."""
    _, task = split_task(variant)
    seen = {"datasets": ["shapes"], "num_workers": 0, "augmentations": []}
    return {
        "composer_experiment": 1,
        "spec": "spec.yaml",
        "datasets": {"shapes": SEGMENTS if task else OBJECTS},
        "train": {**seen, "batch_size": 4},
        "validation": seen,
        "training": {
            "iterations": 3,
            "optimizer": {"uses": "AdamW", "lr": 0.002},
            "clip": {"norm": 1.0},
            "log_every": 1,
        },
        "evaluation": {"every": 3},
        "from_scratch": True,
    }


def write_spec(variant):
    """A small model whose number of classes is left to the data."""
    kind, _ = split_task(variant)
    if kind.endswith("detr") and kind != variant:
        kind += "_segmentation"
    params = small_params(kind)
    del params["num_classes"], params["config"]["num_labels"]
    document = {"composer": 1, "extends": f"transformers/{variant}", "params": params}
    with open("spec.yaml", "w") as file:
        yaml.safe_dump(document, file)


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """Images of coloured shapes."""
    monkeypatch.chdir(tmp_path)
    write_shape_dataset("shapes", 4, 64, panoptic=True)
    return tmp_path


@pytest.mark.parametrize("variant", VARIANTS)
def test_losses_fall_and_results_are_measured(variant, shapes):
    write_spec(variant)
    summary = run_experiment(load_experiment(describe(variant)), "run", quiet=True)
    assert summary.status == "finished"
    lines = [json.loads(line) for line in (shapes / "run/metrics.jsonl").read_text().splitlines()]
    losses = [line["total_loss"] for line in lines if "total_loss" in line]
    assert min(losses[1:]) < losses[0], losses
    _, task = split_task(variant)
    assert math.isfinite(summary.metrics[MAIN_METRICS[task]])
    saved = yaml.safe_load((shapes / "run/spec.yaml").read_text())
    options = saved["nodes"]["losses"]["with"]
    assert {name: (options.get(name) or 0) for name in COUNTS[task]} == COUNTS[task]


@pytest.mark.parametrize("kind", MASKS)
def test_losses_of_masks_are_computed_in_full_precision(kind):
    graph = Graph.from_spec(f"transformers/{kind}", **small_params(kind)).train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = graph(make_mask_records())
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    sum(losses.values()).backward()


def test_a_training_is_resumed_and_its_result_evaluated_from_the_command_line(shapes, cli):
    variant = "rt_detr"  # which draws noise
    write_spec(variant)
    document = describe(variant)
    document["training"] |= {"iterations": 2, "checkpoint": {"every": 1}}
    document["evaluation"]["every"] = 2
    (shapes / "experiment.yaml").write_text(yaml.safe_dump(document))
    data = {"composer_data": 1, "datasets": document["datasets"]}
    (shapes / "shapes.yaml").write_text(yaml.safe_dump(data))
    options = ["--experiment", "experiment.yaml", "--quiet", "--output"]
    resume = ["--resume", "--iterations", 2]
    for arguments in (["whole"], ["parts", "--iterations", 1], ["parts", *resume]):
        result = cli("train", *options, *arguments)
        assert result.code == 0, result.err
    whole, parts = (load_file(shapes / run / "model.safetensors") for run in ("whole", "parts"))
    assert all(torch.equal(parts[name], tensor) for name, tensor in whole.items())
    result = cli("eval", "parts", "--data", "shapes.yaml", "--dataset", "shapes", "--json")
    assert result.code == 0, result.err
    assert "AP" in json.loads(result.out)["tasks"]["bbox"]["metrics"]
