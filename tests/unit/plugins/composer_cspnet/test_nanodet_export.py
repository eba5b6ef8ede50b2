"""The script that extracts the initial weights of `people` from an export for TensorFlow.js."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from composer import Graph

SCRIPT = Path(__file__).parents[4] / "models" / "people" / "nanodet_layers.py"
NUM_BACKBONE = 25
LEVELS = ("c3", "c4", "c5")
HEAD = "proposal_generator.head.predictors"
# The numbers of the kernel and of the bias of each convolution after the backbone.
LATERALS = ((25, 50), (26, 52), (27, 54))
CONVS = ((28, 60), (30, 66), (32, 70))
PREDICTORS = ((29, 62), (31, 68), (33, 72))
NUM_CLASSES = 80


def draw_arrays():
    """The arrays of an export, by name: kernels are numbered by convolution, biases by node."""
    torch.manual_seed(0)
    with torch.device("meta"):
        graph = Graph.from_spec("cascade_mask_rcnn_cspnet_fpn", num_classes=1)
    state = graph.state_dict()
    shapes = {}
    names = dict.fromkeys(key.rpartition(".")[0] for key in state if ".bottom_up." in key)
    numbers = [(index, 2 * index) for index in range(NUM_BACKBONE)]
    layers = [*zip(names, numbers, strict=True)]
    for kind, kind_numbers in (
        ("backbone.detection_maps.laterals", LATERALS),
        ("backbone.detection_maps.convs", CONVS),
        (HEAD, PREDICTORS),
    ):
        layers += zip(
            [f"{kind}.{level}" for level in LEVELS],
            kind_numbers,
            strict=True,
        )
    for name, both in layers:
        shape = tuple(state[f"{name}.weight"].shape)
        more = NUM_CLASSES - 1 if name.startswith(HEAD) else 0  # the other classes
        shapes[both] = (shape[0] + more, *shape[1:])
    arrays = {"PartitionedCall/Const": np.array([4, 2], dtype=np.int32)}
    for (kernel, bias), shape in shapes.items():
        name = f"PartitionedCall/split_{kernel}" if kernel else "PartitionedCall/split"
        arrays[name] = torch.randn(shape).permute(2, 3, 1, 0).half().numpy()
        arrays[f"unknown_{bias}"] = torch.randn(shape[0]).half().numpy()
    return arrays, dict(layers)


def write_export(arrays, folder):
    """Writes arrays as that export does: in half precision, one after the other."""
    entries = []
    for name, array in arrays.items():
        entry = {"name": name, "shape": list(array.shape), "dtype": "int32"}
        if array.dtype == np.float16:
            entry |= {"dtype": "float32", "quantization": {"dtype": "float16"}}
        entries.append(entry)
    manifest = [{"paths": ["nanodet.bin"], "weights": entries}]
    file = folder / "nanodet.json"
    file.write_text(json.dumps({"weightsManifest": manifest}))
    data = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    file.with_suffix(".bin").write_bytes(data)
    return file


def test_the_weights_have_the_names_of_the_spec(tmp_path, monkeypatch):
    arrays, layers = draw_arrays()
    target = tmp_path / "new" / "initial.safetensors"
    monkeypatch.setattr(
        sys, "argv", [str(SCRIPT), str(write_export(arrays, tmp_path)), str(target)]
    )
    runpy.run_path(str(SCRIPT), run_name="__main__")
    found = load_file(target)
    for name, (kernel, bias) in layers.items():
        array = arrays[f"PartitionedCall/split_{kernel}" if kernel else "PartitionedCall/split"]
        weight = torch.from_numpy(array.astype(np.float32)).permute(3, 2, 0, 1)
        expected = {"weight": weight, "bias": torch.from_numpy(arrays[f"unknown_{bias}"]).float()}
        for key, values in expected.items():
            kept = [0, *range(NUM_CLASSES, len(values))] if name.startswith(HEAD) else slice(None)
            assert torch.equal(found[f"{name}.{key}"], values[kept])
    assert len(found) == 2 * len(layers)


def test_a_file_of_another_size_is_refused(tmp_path):
    source = write_export(draw_arrays()[0], tmp_path)
    with source.with_suffix(".bin").open("ab") as file:
        file.write(b"12")
    with pytest.raises(ValueError, match=r"bytes of weights, \d+ of them described"):
        runpy.run_path(str(SCRIPT))["read_weights"](source)
