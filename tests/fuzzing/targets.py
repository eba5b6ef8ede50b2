"""What is fuzzed: a corpus of sound files, and what reads each of them."""

from __future__ import annotations

import io
import json
import pickle
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import save

from composer.checkpoint import read_checkpoint
from composer.construction import check_source
from composer.data import read_data_file
from composer.discovery import shipped_folder
from composer.experiment import load_experiment
from composer.storage import read_tensors
from fuzzing.mutations import damage_bytes, damage_values

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


@dataclass(frozen=True)
class Target:
    """A kind of file, which is read in a copy of the folder of specs that ship.

    Args:
        suffix: of its names.
        corpus: sound contents.
        read: reads a file; it may raise errors of ours, and of the system.
        is_yaml: whether values can be damaged as well as bytes.
    """

    suffix: str
    corpus: Sequence[bytes]
    read: Callable[[Path], object]
    is_yaml: bool = False

    def make_case(self, seed: int) -> bytes:
        """A damaged content; the same for a seed."""
        draw = random.Random(seed)
        content = draw.choice(self.corpus)
        if self.is_yaml and draw.random() < 0.5:
            values = damage_values(yaml.safe_load(content), draw)
            return _dump(values)
        return damage_bytes(content, draw, self.corpus)


def make_targets() -> Mapping[str, Target]:
    """The targets by name."""
    specs = sorted(SPECS.glob("*.yaml"))
    small = [file.read_bytes() for file in specs if file.stat().st_size < 3000]
    data = (PEOPLE / "data.yaml").read_bytes()
    recipe = (PEOPLE / "recipe.yaml").read_text(encoding="utf-8")
    recipe = recipe.replace("datasets: data.yaml", f"datasets: {PEOPLE / 'data.yaml'}")
    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2).half()}
    return {
        "spec": Target(".yaml", [_dump(_SPEC), *small], check_source, is_yaml=True),
        "experiment": Target(
            ".yaml", [_dump(_EXPERIMENT), recipe.encode()], load_experiment, is_yaml=True
        ),
        "data": Target(".yaml", [data], read_data_file, is_yaml=True),
        "pth": Target(".pth", [_save(tensors), _save({"model": tensors})], read_checkpoint),
        "safetensors": Target(
            ".safetensors", [save(tensors), save(tensors, {"a": "b"})], read_checkpoint
        ),
        "pkl": Target(".pkl", _pickles(), read_checkpoint),
        "npz": Target(".npz", [_save_arrays()], read_tensors),
    }


def _dump(values: Any) -> bytes:
    """The values in JSON, which is YAML: its writer is quick and takes lone surrogates."""
    return json.dumps(values, indent=1).encode()


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
