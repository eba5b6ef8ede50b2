"""Backbones of attention on onnxruntime, which are traced."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("onnxscript", reason="the extra 'onnxruntime' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'onnxruntime' is not installed")

pytestmark = pytest.mark.slow

# In a process of its own: in a trace, sizes are tensors, which checks of annotations refuse.
PROGRAM = """
import sys
import torch
from composer import Graph
from composer.structures import ImageList

BACKBONES = {
    "swin_backbone": {
        "embed_dim": 8,
        "depths": [2, 2],
        "num_heads": [1, 2],
        "out_features": ["p0", "p1"],
    },
    "mvit_backbone": {
        "embed_dim": 8,
        "depth": 5,
        "last_block_indexes": [0, 1, 3, 4],
        "img_size": 64,
    },
    "vit_backbone": {
        "img_size": 128,
        "embed_dim": 16,
        "depth": 2,
        "num_heads": 2,
        "window_size": 5,
        "window_block_indexes": [0],
        "use_rel_pos": True,
    },
}
uses = sys.argv[1]
nodes = {
    "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
    "backbone": {
        "uses": uses, "inputs": {"images": "preprocess.images"}, "with": BACKBONES[uses]
    },
}
spec = {"composer": 1, "inputs": {"batch": "ImageBatch"}, "nodes": nodes}
graph = Graph.from_spec({**spec, "outputs": {"maps": "backbone"}}).eval()
for parameter in graph.parameters():  # positions begin as zeros
    torch.nn.init.normal_(parameter, std=0.1)
fast = graph.accelerate("onnxruntime", ["backbone"], cache=False)
for size in ((1, 128, 128), (2, 96, 160), (1, 64, 224)):
    images = ImageList(torch.rand(size[0], 3, *size[1:]), [size[1:]] * size[0])
    feeds = {"preprocess.images": images}
    with torch.no_grad():
        found = fast.run(until="backbone", feeds=feeds)
        expected = graph.run(until="backbone", feeds=feeds)
    for level, wanted in expected.items():
        error = float((found[level] - wanted).abs().max() / wanted.abs().max())
        assert error < 1e-4, (level, size, error)
assert not any(module.training for module in graph.modules())
assert "by onnxruntime" in str(fast.plan("backbone"))
print("done")
"""


@pytest.mark.parametrize("uses", ["swin_backbone", "vit_backbone", "mvit_backbone"])
def test_a_trace_is_of_any_size_and_leaves_the_graph_in_inference(uses, tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, uses],
        env={**os.environ, "COMPOSER_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "done" in result.stdout
