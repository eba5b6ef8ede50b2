"""Models as they come: indexes of shards, configurations of libraries, checkpoints with specs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save

from composer.blueprint import resolve_spec
from composer.checkpoint import read_checkpoint
from composer.construction import check_source
from composer.graph import read_model
from composer.importing import read_import
from composer.language import load_spec
from fuzzing.target import Target, dump_json, packed_target, yaml_target
from unit.importing import lazy_models

_TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}
_INDEX = {
    "metadata": {"total_size": 32},
    "weight_map": {"a.weight": "shard-1.safetensors", "a.bias": "shard-2.safetensors"},
}
_DETR = {
    "model_type": "detr",
    "architectures": ["DetrForObjectDetection"],
    "transformers_version": "4.50.0",
    "id2label": {"0": "cat", "1": "dog"},
    "label2id": {"cat": 0, "dog": 1},
    "d_model": 64,
    "num_queries": 10,
    "backbone": "resnet50",
    "use_timm_backbone": False,
}
_CONFIG = {
    "VERSION": 2,
    "MODEL": {
        "META_ARCHITECTURE": "GeneralizedRCNN",
        "WEIGHTS": "",
        "PIXEL_MEAN": [103.53, 116.28, 123.675],
        "BACKBONE": {"NAME": "build_resnet_fpn_backbone", "FREEZE_AT": 2},
        "RESNETS": {"DEPTH": 50, "OUT_FEATURES": ["res2", "res3", "res4", "res5"]},
        "FPN": {"IN_FEATURES": ["res2", "res3", "res4", "res5"]},
        "ANCHOR_GENERATOR": {"SIZES": [[32], [64], [128], [256], [512]]},
        "RPN": {"IN_FEATURES": ["p2", "p3", "p4", "p5", "p6"], "PRE_NMS_TOPK_TEST": 1000},
        "ROI_HEADS": {"NAME": "StandardROIHeads", "IN_FEATURES": ["p2", "p3", "p4", "p5"]},
        "ROI_BOX_HEAD": {"NAME": "FastRCNNConvFCHead", "NUM_FC": 2, "POOLER_RESOLUTION": 7},
    },
    "SOLVER": {"STEPS": "(210000, 250000)", "MAX_ITER": 270000, "BASE_LR": 0.02},
    "INPUT": {"MIN_SIZE_TRAIN": "(640, 800)", "MIN_SIZE_TEST": 800},
}
_DOCUMENT = {
    "composer": 1,
    "name": "small",
    "params": {"depth": 18},
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "detection-composer/preprocess", "inputs": {"batch": "batch"}},
        "backbone": {
            "uses": "detection-composer/resnet",
            "inputs": {"images": "preprocess"},
            "with": {"depth": "${depth}", "res2_out_channels": 8},
        },
    },
    "outputs": {"features": "backbone"},
    "metadata": {"thing_classes": ["cat", "dog"]},
}
_DESCRIBED = {
    "composer.format": "2",
    "composer.spec": _DOCUMENT,
    "composer.nodes": ["backbone"],
    "composer.plugins": {"detection-composer": "0.1.0"},
    "composer.versions": {"composer": "0.1.0", "torch": "2.9.0"},
    "composer.params": {"depth": 18},
}


def make_model_targets() -> Mapping[str, Target]:
    """The targets by name."""
    config = yaml.safe_dump(_CONFIG).encode()
    lazy = lazy_models.write_yaml(lazy_models.retinanet()).encode()
    return {
        "index": yaml_target(".json", [dump_json(_INDEX)], _read_index),
        "folder": yaml_target(".json", [dump_json(_DETR)], _read_folder),
        "config": yaml_target(".yaml", [config], read_import),
        "lazy": yaml_target(".yaml", [lazy], read_import),
        "described": packed_target(".safetensors", [_DESCRIBED], _pack, _read_described),
    }


def _read_index(file: Path) -> None:
    for number, name in enumerate(_TENSORS, 1):
        shard = file.with_name(f"shard-{number}.safetensors")
        if not shard.exists():
            shard.write_bytes(save({name: _TENSORS[name]}))
    read_checkpoint(file)


def _read_folder(file: Path) -> None:
    """Reads the folder of a model that has the file as its configuration."""
    folder = file.with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_bytes(file.read_bytes())
    (folder / "model.safetensors").write_bytes(save(_TENSORS))
    parts = read_model(folder)
    resolve_spec(load_spec(parts.spec, set=parts.settings))


def _read_described(file: Path) -> None:
    parts = read_model(file)
    check_source(parts.spec, set=parts.settings)


def _pack(metadata: Mapping[str, Any]) -> bytes:
    texts = {key: v if isinstance(v, str) else json.dumps(v) for key, v in metadata.items()}
    return save(_TENSORS, {k: v.encode(errors="replace").decode() for k, v in texts.items()})
