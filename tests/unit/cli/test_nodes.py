"""`composer nodes`."""

import re

from composer.registry import Publication, Registry


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
    assert "first-plugin 1.0: write first-plugin/head" in out
    assert "second-plugin 1.0: write second-plugin/head" in out


def test_node_type_is_described(cli):
    result = cli("nodes", "mask_head")
    assert result.code == 0
    assert result.out.startswith("mask_head  composer-rcnn (detection-composer ")
    assert "He et al. 2017" in result.out
    assert "  x  RegionFeatures" in result.out
    assert "  output  MaskLogits" in result.out
    assert re.search(r"num_classes +1 <= int +required +number of classes", result.out)
    assert "Args:" not in result.out


def test_function_is_described_as_well(cli):
    result = cli("nodes", "composer-rcnn/detections")
    assert result.code == 0
    assert "class_probabilities" in result.out
    assert re.search(r"score_threshold +0 <= float <= 1 +0\.05", result.out)


def test_ports_of_one_type_are_named(cli):
    out = cli("nodes", "sampled_proposals").out
    ports = "input proposals, output boxes, output matched_boxes"
    assert re.search(rf"^of one type\n +{ports} +Boxes or RotatedBoxes", out, re.MULTILINE)


def test_unknown_node_type_is_a_mistake(cli):
    result = cli("nodes", "mask_hed")
    assert result.code == 1
    assert "Did you mean 'mask_head' (detection-composer)?" in result.err


def test_narrow_terminal_breaks_no_words(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert "without" in cli("nodes", "mask_head").out.split()


def test_others_of_the_name_are_mentioned(cli, plugin_folder):
    entries = "[composer.nodes]\nmask_head = heads:head\n"
    text = "from torch import Tensor\n\n\ndef head(x: Tensor) -> Tensor:\n    return x\n"
    plugin_folder.install("their-heads", entries, {"heads": text})
    others = "The name is published by {}, too: write {}/mask_head"
    assert others.format("heads (their-heads 1.0)", "their-heads") in cli("nodes", "mask_head").out
    assert "too: write detection-composer/mask_head" in cli("nodes", "their-heads/mask_head").out
    assert "The name is published" not in cli("nodes", "box_head").out
