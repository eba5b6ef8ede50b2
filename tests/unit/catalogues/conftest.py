"""A catalogue of a third party, whose weights a local server has."""

import textwrap

import pytest

from composer.catalogues import published
from file_server import running_server
from plugin_folder import plugin_folder

__all__ = ["plugin_folder"]

SMALL = """\
SMALL = {"depth": 18, "stem_out_channels": 8, "res2_out_channels": 8, "fpn_channels": 8}
IMAGE = {"shortest_edge": 64, "longest_edge": 96}
ENTRIES = [
    {
        "name": "Boxes/tiny_1x",
        "weights": "tiny_1x.safetensors",
        "task": "detection",
        "dataset": "shapes",
        "metrics": {"box AP": 12.5},
        "spec": "tiny_zoo_spec",
        "metadata": {"thing_classes": ["square", "disc", "triangle"]},
    },
    {
        "name": "Boxes/tiny_3x",
        "weights": "tiny_3x.safetensors",
        "task": "detection",
        "spec": "tiny_zoo_spec",
        "metadata": {"thing_classes": ["square", "disc", "triangle"]},
        "is_default": True,
        "size": 1234,
    },
    {
        "name": "Other/tiny_3x",
        "weights": "other.safetensors",
        "task": "detection",
        "spec": "faster_rcnn_r50_fpn",
        "params": {"num_classes": 3},
        "set": {**SMALL, "fc_dim": 16},
        "image": {"channel_order": "RGB", **IMAGE},
        "metadata": {"thing_classes": ["square", "disc", "triangle"]},
    },
    {"name": "Boxes/specless", "weights": "specless.pkl", "task": "proposals"},
]

def catalogue():
    return {
        "source": "a zoo of tiny models",
        "address": "https://zoo.invalid/weights/",
        "licence": "CC0",
        "entries": ENTRIES,
    }
"""
SPEC = """\
composer: 1
name: tiny_zoo_spec
extends: faster_rcnn_r50_fpn
params: {num_classes: 3}
inputs: {batch: {image: {channel_order: RGB, shortest_edge: 64, longest_edge: 96}}}
set:
  depth: 18
  stem_out_channels: 8
  res2_out_channels: 8
  fpn_channels: 8
  roi_heads.box_head.fc_dims: [16]
nodes: {}
"""
ENTRY_POINTS = """\
[composer.catalogues]
tiny = tiny_zoo:catalogue

[composer.specs]
specs = tiny_zoo_specs
"""


@pytest.fixture
def zoo(plugin_folder):
    plugin_folder.install("tiny-zoo", ENTRY_POINTS, {"tiny_zoo": SMALL})
    specs = plugin_folder.path / "tiny_zoo_specs"
    specs.mkdir()
    (specs / "__init__.py").touch()
    (specs / "tiny_zoo_spec.yaml").write_text(textwrap.dedent(SPEC))
    published._read.cache_clear()
    yield plugin_folder
    published._read.cache_clear()


@pytest.fixture
def server(zoo, tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("COMPOSER_OFFLINE", raising=False)
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    with running_server() as running:
        monkeypatch.setenv("COMPOSER_MIRRORS", f"https://zoo.invalid/={running.address}/")
        yield running
