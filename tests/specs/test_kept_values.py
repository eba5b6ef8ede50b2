"""Shipped models with a cache: equal to fresh runs bit for bit, and nothing runs twice."""

import json
import os
import subprocess
import sys

import pytest
import torch

from composer import Graph
from composer.structures import iterate_tensors
from composer.value_cache import ValueCache
from specs.test_gradients import open_small
from specs.test_point_rend import masks_graph
from specs.test_segmentation import build as build_panoptic

SMALL = {
    "depth": 18,
    "stem_out_channels": 8,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 16,
    "num_classes": 3,
    "mask_conv_dim": 8,
}


@pytest.mark.parametrize("precision", ["", "float32"])
def test_a_kept_model_equals_a_fresh_one(tmp_path, precision):
    graph = Graph.from_spec("mask_rcnn_r50_fpn", set=SMALL)
    other = Graph.from_spec("mask_rcnn_r50_fpn", set=SMALL)
    if precision:
        graph, other = graph.optimize(precision), other.optimize(precision)
    inputs = [{"image": torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8)}]
    cache = ValueCache(tmp_path / "values")
    with torch.no_grad():
        fresh = graph(inputs)
        first = graph.run(inputs, cache=cache)
        written = cache.use.num_written
        second = other.run(inputs, cache=cache)
    assert graph.unkept == {}
    assert cache.use.num_written == written > 15
    assert cache.use.num_read == 1
    for found in (first, second):
        pairs = zip(iterate_tensors(found), iterate_tensors(fresh), strict=True)
        assert all(torch.equal(a, b) and a.stride() == b.stride() for a, b in pairs)


@pytest.mark.parametrize(
    "spec",
    [
        "fcos_r50_fpn",
        *[
            pytest.param(spec, marks=pytest.mark.slow)
            for spec in (
                "torchvision/ssdlite320_mobilenet_v3_large",
                "keypoint_rcnn_r50_fpn",
                "cascade_mask_rcnn_r50_fpn",
                "rotated_faster_rcnn_r50_fpn",
                "retinanet_r50_fpn",
                "point_rend_r50_fpn",
                "panoptic_r50_fpn",
                "transformers/detr",
                "transformers/rt_detr",
                "transformers/mask2former",
            )
        ],
    ],
)
def test_every_node_of_every_family_is_kept(tmp_path, spec):
    graph = open_family(spec).eval()
    inputs = [{"image": torch.rand(3, 64, 96) * (255 if "torchvision" not in spec else 1)}]
    cache = ValueCache(tmp_path / "values")
    fresh = graph.run(inputs, seed=1)
    kept = graph.run(inputs, seed=1, cache=cache)
    written = cache.use.num_written
    again = graph.run(inputs, seed=1, cache=cache)
    assert graph.unkept == {}
    assert cache.use.num_written == written > 0
    for found in (kept, again):
        pairs = zip(iterate_tensors(found), iterate_tensors(fresh), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def open_family(spec):
    torch.manual_seed(0)
    if spec == "point_rend_r50_fpn":
        return masks_graph(score_threshold=0.0, max_per_image=4)
    if spec == "panoptic_r50_fpn":
        return build_panoptic(spec, score_threshold=0.0, instances_confidence_threshold=0.0)
    if spec.startswith("transformers/"):
        pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")
        from transformers_models import build_ours, build_theirs

        kind = spec.partition("/")[2]
        return build_ours(kind, build_theirs(kind))
    return open_small(spec)


@pytest.mark.slow
def test_another_process_finds_everything(tmp_path):
    command = [sys.executable, "-m", "composer", "run", "people", "--until", "mask_pooler"]
    command += ["--optimize", "--no-save", "--json", "--cache", str(tmp_path / "values")]
    ran = []
    for seed in ("1", "2"):  # of the hashes of texts
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        ran.append(len(json.loads(done.stdout)["nodes"]))
    assert ran[0] > 10
    assert ran[1] == 0
