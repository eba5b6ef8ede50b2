"""Weights that were trained at another size, which their node type resizes when they are loaded."""

import logging

import pytest
import torch
from torch import Tensor, nn

from composer import Graph
from composer.errors import CheckpointError, CheckpointMismatchError


class Ramp(nn.Module):
    """Adds a number to each of some places."""

    def __init__(self, *, size: int = 4) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(size))
        self.other = nn.Parameter(torch.zeros(size))

    @classmethod
    def resize_tensor(cls, name, value, shape):
        if name == "other":
            return None
        if shape[0] > 50:
            raise RuntimeError("too large")
        return nn.functional.interpolate(value[None, None], size=shape[0])[0, 0]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table.sum() + self.other.sum()


def build(size, **options):
    spec = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {"ramp": {"uses": "ramp", "inputs": {"x": "x"}, "with": {"size": size}}},
        "outputs": {"y": "ramp"},
    }
    return Graph.from_spec(spec, nodes={"ramp": Ramp}, **options)


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "ramp.pth"
    torch.save({"ramp.table": torch.tensor([1.0, 2.0]), "ramp.other": torch.zeros(4)}, file)
    return file


def test_a_tensor_is_resized_and_the_load_says_so(weights, caplog):
    with caplog.at_level(logging.WARNING):
        graph = build(4, weights=weights)
    assert graph.state_dict()["ramp.table"].tolist() == [1, 1, 2, 2]
    assert "1 tensor of ramp resized: table 2 -> 4" in caplog.text
    report = graph.load(weights)
    assert report.ok
    assert "1 tensor of ramp resized: table 2 -> 4" in str(report)
    resized = report.to_json()["nodes"]["ramp"]["resized"]
    assert resized == [{"name": "table", "expected": [4], "found": [2]}]


def test_what_the_node_type_does_not_resize_is_a_mismatch(weights):
    with pytest.raises(CheckpointMismatchError, match=r"mismatched  other: 8 expected, 4 found"):
        build(8, weights=weights)


def test_a_node_type_that_fails_is_named_with_the_tensor(weights):
    with pytest.raises(CheckpointError, match=r"fails to resize 'table' from .* RuntimeError: too"):
        build(51, weights=weights)


VIT = {
    "composer": 1,
    "params": {"img_size": 64, "window_size": 2},
    "inputs": {"batch": "ImageBatch"},
    "nodes": {
        "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "net": {
            "uses": "vit_backbone",
            "inputs": {"images": "preprocess.images"},
            "with": {
                "img_size": "${img_size}",
                "patch_size": 8,
                "embed_dim": 16,
                "depth": 2,
                "num_heads": 2,
                "use_rel_pos": True,
                "window_size": "${window_size}",
                "window_block_indexes": [0],
            },
        },
    },
    "outputs": {"features": "net"},
}


def test_a_vision_transformer_for_larger_images_computes_what_the_smaller_one_does(tmp_path):
    small = Graph.from_spec(VIT)
    for name, parameter in small.named_parameters():
        if "rel_pos" in name:
            nn.init.normal_(parameter)
    small.save(tmp_path / "small.safetensors")
    large = Graph.from_spec(VIT, img_size=96, weights=tmp_path / "small.safetensors")
    assert large.state_dict()["net.blocks.1.attn.rel_pos_h"].shape == (23, 8)
    batch = [{"image": torch.rand(3, 96, 96) * 255}]
    with torch.no_grad():
        expected, found = (graph.run(batch, until="net")["last_feat"] for graph in (small, large))
    torch.testing.assert_close(found, expected)


def test_a_swin_transformer_takes_weights_of_smaller_windows(tmp_path):
    net = {"uses": "swin_backbone", "inputs": {"images": "preprocess.images"}}
    config = {"embed_dim": 8, "depths": [1], "num_heads": [2], "out_features": ["p0"]}
    specs = {}
    for size in (3, 5):
        nodes = {**VIT["nodes"], "net": {**net, "with": {**config, "window_size": size}}}
        specs[size] = {**VIT, "params": {}, "nodes": nodes}
    Graph.from_spec(specs[3]).save(tmp_path / "small.safetensors")
    large = Graph.from_spec(specs[5])
    index = large.state_dict()["net.layers.0.blocks.0.attn.relative_position_index"].clone()
    report = large.load(tmp_path / "small.safetensors")
    assert report.ok
    assert len(report.nodes["net"].resized) == 2
    after = large.state_dict()["net.layers.0.blocks.0.attn.relative_position_index"]
    assert torch.equal(after, index)
