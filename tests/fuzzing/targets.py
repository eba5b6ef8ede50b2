"""What is fuzzed: a corpus of sound files, and what reads each of them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from composer.checkpoint import read_checkpoint
from composer.construction import check_source
from composer.data import read_data_file
from composer.discovery import shipped_folder
from composer.experiment import load_experiment
from composer.storage import read_tensors
from fuzzing.annotation_targets import make_annotation_targets
from fuzzing.model_targets import make_model_targets
from fuzzing.program_targets import make_program_targets
from fuzzing.result_targets import make_result_targets
from fuzzing.target import Target, dump_json, yaml_target

PEOPLE = Path(__file__).parents[2] / "models/people"
SPECS = shipped_folder("specs")

_SPEC = {
    "composer": 1,
    "name": "small",
    "params": {"channels": 8, "num_classes": 3},
    "aliases": {"depth": "backbone.bottom_up.depth"},
    "inputs": {"batch": {"type": "ImageBatch", "image": {"shortest_edge": 64}}},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "backbone": {
            "inputs": {"images": "preprocess"},
            "nodes": {
                "bottom_up": {
                    "uses": "resnet",
                    "inputs": {"images": "images"},
                    "with": {"depth": 18, "res2_out_channels": 8},
                },
                "fpn": {
                    "uses": "fpn",
                    "inputs": {"features": "bottom_up"},
                    "with": {"out_channels": "${channels}"},
                },
            },
            "outputs": {"features": "fpn"},
        },
        "rpn": {
            "spec": "blocks/rpn",
            "set": {"anchors.sizes": [[8], [16]]},
            "inputs": {
                "images": "preprocess",
                "features": "backbone",
                "targets": "batch.instances",
            },
        },
        "pooled": {
            "uses": "roi_pooler",
            "inputs": {"features": "backbone", "boxes": "rpn.boxes"},
            "with": {"in_features": ["p4", "p5"], "output_size": 2},
        },
    },
    "freeze": ["backbone.bottom_up"],
    "outputs": {"inference": {"boxes": "rpn.boxes"}},
}
_EXPERIMENT = {
    "composer_experiment": 1,
    "spec": "mask_rcnn_r50_fpn",
    "set": {"model": {"num_classes": 3}, "training.optimizer.lr": 0.01},
    "datasets": {"train": {"uses": "coco", "with": {"annotations": "a.json", "images": "images"}}},
    "train": {
        "datasets": ["train"],
        "batch_size": 2,
        "augmentations": [{"uses": "random_flip"}, {"uses": "resize_shortest_edge"}],
    },
    "validation": {"datasets": ["train"]},
    "evaluation": {"every": 5},
    "training": {
        "iterations": 10,
        "optimizer": {"uses": "SGD", "lr": 0.02, "with": {"momentum": 0.9}},
        "schedule": {"uses": "multi_step", "steps": [0.5, 0.8], "warmup": {"iterations": 2}},
        "checkpoint": {"every": 5, "best": {"metric": "bbox/AP"}},
    },
}


def make_targets() -> Mapping[str, Target]:
    """The targets by name."""
    specs = sorted(SPECS.glob("*.yaml"))
    small = [file.read_bytes() for file in specs if file.stat().st_size < 3000]
    data = (PEOPLE / "data.yaml").read_bytes()
    recipe = (PEOPLE / "pyramid.yaml").read_text(encoding="utf-8")
    recipe = recipe.replace("datasets: data.yaml", f"datasets: {PEOPLE / 'data.yaml'}")
    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2).half()}
    return {
        "spec": yaml_target(".yaml", [dump_json(_SPEC), *small], check_source),
        "experiment": yaml_target(
            ".yaml", [dump_json(_EXPERIMENT), recipe.encode()], load_experiment
        ),
        "data": yaml_target(".yaml", [data], read_data_file),
        "pth": Target(".pth", [_save(tensors), _save({"model": tensors})], read_checkpoint),
        "safetensors": Target(
            ".safetensors", [save(tensors), save(tensors, {"a": "b"})], read_checkpoint
        ),
        "pkl": Target(".pkl", _pickles(), read_checkpoint),
        "npz": Target(".npz", [_save_arrays()], read_tensors),
        **make_model_targets(),
        **make_program_targets(),
        **make_result_targets(),
        **make_annotation_targets(),
    }


def _save(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def _pickles() -> list[bytes]:
    arrays = {"conv1_w": np.ones((2, 3), np.float32), "conv1_b": np.zeros(2)}
    wrapped = {"model": arrays, "__author__": "somebody", "matching_heuristics": True}
    return [pickle.dumps(value, protocol=p) for value in (arrays, wrapped) for p in (2, 4)]


def _save_arrays() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.ones((3, 4)), b=np.arange(5))
    return stream.getvalue()
