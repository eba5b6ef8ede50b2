"""`nodes`, `specs` and `describe`."""

import re

import pytest
import torch
from safetensors.torch import save_file

from composer import Graph
from composer.discovery import shipped_specs
from composer.registry import Publication, Registry
from composer.storage import save_value
from composer.structures import Boxes


def test_nodes_are_listed_with_plugin_and_distribution(cli):
    result = cli("nodes")
    assert result.code == 0
    assert re.search(
        r"^mask_head +composer-rcnn +detection-composer \S+$", result.out, re.MULTILINE
    )
    assert len(result.out.splitlines()) == len(Registry.installed().publications) + 1


def test_clashing_names_are_listed_with_a_way_out(cli, monkeypatch):
    published = [
        Publication("head", f"{plugin}.heads", "Head", plugin.replace("_", "-"), "1.0")
        for plugin in ("first_plugin", "second_plugin")
    ]
    monkeypatch.setattr(Registry, "installed", lambda *_: Registry(published))
    out = cli("nodes").out
    assert "first-plugin 1.0, clash: write first-plugin/head" in out
    assert "second-plugin 1.0, clash: write second-plugin/head" in out


def test_node_type_is_described(cli):
    result = cli("nodes", "mask_head")
    assert result.code == 0
    assert result.out.startswith("mask_head  composer-rcnn (detection-composer ")
    assert "He et al. 2017" in result.out
    assert "  x  RegionFeatures" in result.out
    assert "  output  MaskLogits" in result.out
    assert re.search(r"num_classes +1 <= int +80 +number of classes", result.out)
    assert "Args:" not in result.out


def test_function_is_described_as_well(cli):
    result = cli("nodes", "composer-rcnn/detections")
    assert result.code == 0
    assert "class_probabilities" in result.out
    assert re.search(r"score_threshold +0 <= float <= 1 +0\.05", result.out)


def test_unknown_node_type_is_a_mistake(cli):
    result = cli("nodes", "mask_hed")
    assert result.code == 1
    assert "Did you mean 'mask_head' (composer-rcnn)?" in result.err


def test_narrow_terminal_breaks_no_words(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert "without" in cli("nodes", "mask_head").out.split()


def test_specs_are_listed_with_their_first_line(cli):
    result = cli("specs")
    assert result.code == 0
    names = [line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")]
    assert names == list(shipped_specs())
    assert re.search(r"^mask_rcnn_r50_fpn +Mask R-CNN, ResNet-50-FPN", result.out, re.MULTILINE)


def test_own_checkpoint_is_described_by_node(cli, folder):
    Graph.from_spec("small.yaml").save("weights.safetensors")
    result = cli("describe", "weights.safetensors")
    assert result.code == 0
    assert "weights.safetensors: a checkpoint (safetensors)" in result.out
    assert re.search(r"^  node +tensors +numbers$", result.out, re.MULTILINE)
    assert re.search(r"^  rpn\.rpn_head +6 +", result.out, re.MULTILINE)
    assert "composer.name" in result.out


def test_names_that_a_checkpoint_keeps_are_shown(cli, folder):
    metadata = {"thing_classes": ["cat", "dog"], "thing_colors": [[0, 0, 0], [9, 9, 9]]}
    Graph.from_spec("small.yaml").save("weights.safetensors", metadata=metadata)
    out = cli("describe", "weights.safetensors").out
    assert re.search(r"^names\n  thing classes  2: cat, dog\n\n", out, re.MULTILINE)


def test_what_a_checkpoint_freezes_is_shown(cli, folder):
    (folder / "frozen.yaml").write_text("composer: 1\nextends: small\nfreeze: [rpn_head]\n")
    Graph.from_spec("frozen.yaml").save("weights.safetensors")
    assert "\nfrozen\n  rpn.rpn_head\n" in cli("describe", "weights.safetensors").out


def test_foreign_checkpoint_is_described_by_the_beginnings_of_its_keys(cli, folder):
    tensors = {"backbone.stem.conv1.weight": torch.zeros(8, 3), "head.weight": torch.zeros(1200)}
    torch.save({"model": tensors}, "model.pth")
    out = cli("describe", "model.pth").out
    assert re.search(r"^  backbone\.stem +1 +24$", out, re.MULTILINE)
    assert re.search(r"^  head +1 +1\.2 k$", out, re.MULTILINE)


def test_saved_value_is_described(cli, folder):
    save_value("boxes.safetensors", [Boxes(torch.zeros(3, 4))], {"composer.node": "rpn.boxes"})
    out = cli("describe", "boxes.safetensors").out
    assert "a saved value (safetensors)" in out
    assert "value: 3 boxes" in out
    assert "composer.node  rpn.boxes" in out


def test_damaged_description_of_a_graph_does_not_matter(cli, folder):
    save_file({"a.weight": torch.zeros(1)}, "x.safetensors", {"composer.spec": "{"})
    assert cli("describe", "x.safetensors").code == 0


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint"])
def test_what_is_no_checkpoint_is_a_mistake(cli, folder, content):
    if content is not None:
        (folder / "x.pth").write_bytes(content)
    result = cli("describe", "x.pth")
    assert result.code == 1
    assert "x.pth" in result.err
