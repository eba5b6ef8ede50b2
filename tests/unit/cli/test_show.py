import json
from xml.etree import ElementTree

import pytest
from PIL import Image

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def photo(folder):
    Image.new("RGB", (64, 48)).save("photo.png")
    return "photo.png"


def states(file):
    """The state of each node in a picture, by its path."""
    root = ElementTree.parse(file).getroot()
    groups = [group for group in root.iter(f"{SVG}g") if group.get("class", "").startswith("node")]
    return {
        group.findtext(f"{SVG}title").split(",")[0]: group.get("class").split()[1]
        for group in groups
    }


def test_mermaid_is_printed_by_default(cli, folder):
    result = cli("show", "small.yaml")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith('---\ntitle: "small"\n---\nflowchart TB\n')
    assert "<b>rpn_head</b><br/>rpn_head" in result.out


def test_what_is_not_trained_is_marked(cli, folder):
    (folder / "frozen.yaml").write_text("composer: 1\nextends: small\nfreeze: [rpn_head]\n")
    assert "<b>rpn_head</b><br/>rpn_head, frozen" in cli("show", "frozen.yaml").out


@pytest.mark.parametrize(
    ("file", "start"),
    [("a.mmd", "---"), ("a.dot", "digraph"), ("new/a.svg", "<svg"), ("a.txt", "---")],
)
def test_suffix_decides_what_is_written(cli, folder, file, start):
    assert cli("show", "small.yaml", "-o", file) == (0, "", "")
    assert (folder / file).read_text().startswith(start)


def test_format_can_be_named(cli, folder):
    assert cli("show", "small.yaml", "--format", "dot").out.startswith('digraph "small" {')


def test_target_and_what_it_needs_stand_out(cli, folder):
    assert cli("show", "small.yaml", "-u", "rpn_head", "-o", "a.svg").code == 0
    assert states("a.svg") == {
        "preprocess": "runs",
        "backbone.bottom_up": "runs",
        "backbone.fpn": "runs",
        "rpn.anchors": "idle",
        "rpn.rpn_head": "target",
        "rpn.proposals": "idle",
        "regions": "idle",
    }


def test_feed_is_marked_and_cuts(cli, folder):
    arguments = ["-u", "regions", "-f", "rpn.proposals", "-f", "bottom_up"]
    assert cli("show", "small.yaml", *arguments, "-o", "a.svg").code == 0
    found = states("a.svg")
    assert {path for path, state in found.items() if state == "fed"} == {
        "rpn.proposals",
        "backbone.bottom_up",
    }
    assert {path for path, state in found.items() if state == "runs"} == {"backbone.fpn"}
    assert found["regions"] == "target"


def test_feed_without_target_shows_the_whole_run(cli, folder):
    assert cli("show", "small.yaml", "-f", "backbone", "-o", "a.svg").code == 0
    found = states("a.svg")
    assert found["rpn.proposals"] == "runs"
    assert found["regions"] == "idle"


def test_mode_decides_which_nodes_are_drawn(cli, folder):
    assert "check_truth" not in cli("show", "small.yaml").out
    assert "check_truth" in cli("show", "small.yaml", "--mode", "training").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no model 'nowhere'"),
        (["small.yaml", "-u", "regionz"], "Did you mean 'regions'?"),
        (["small.yaml", "--set", "b.a=1"], "there is nothing to set at 'b.a'"),
    ],
)
def test_mistake_is_explained(cli, folder, arguments, message):
    result = cli("show", *arguments)
    assert result.code == 1
    assert message in result.err


def test_unknown_format_is_a_wrong_use(cli, folder):
    assert cli("show", "small.yaml", "--format", "png").code == 2


def test_costs_are_listed_by_node(cli, folder, photo):
    result = cli("show", "small.yaml", "--costs", "--input", photo)
    assert result.code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.out.splitlines()}
    assert rows["node"] == ["parameters", "trainable", "GFLOPs"]
    assert rows["rpn.anchors"] == ["0", "0", "-"]
    assert int(rows["backbone.fpn"][0].replace(",", "")) > 0
    assert rows["counted"] == ["on", str(photo)]


def test_costs_of_a_part_as_json(cli, folder, photo):
    arguments = ["--until", "bottom_up", "--json", "--input", photo, "-o", "costs.json"]
    assert cli("show", "small.yaml", "--costs", *arguments).code == 0
    found = json.loads((folder / "costs.json").read_text())
    assert [node["path"] for node in found["nodes"]] == ["preprocess", "backbone.bottom_up"]
    assert found["parameters"] == sum(node["parameters"] for node in found["nodes"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--costs", "--feed", "rpn"], "--feed and --costs exclude each other"),
        (["--costs", "--format", "svg"], "--format and --costs exclude each other"),
        (["--input", "a.jpg"], "--input is for --costs"),
        (["--json"], "--json is for --costs"),
    ],
)
def test_options_of_drawing_and_costs_do_not_mix(cli, folder, arguments, message):
    result = cli("show", "small.yaml", *arguments)
    assert result.code == 2
    assert message in result.err


def test_recomputed_nodes_are_shown_and_described(cli, folder):
    shown = cli("show", "mask_rcnn_r50_fpn", "--set", "fpn.recompute=true")
    assert shown.out.count(", recomputed") == 1
    spec = "composer: 1\nname: a\nextends: small\nnodes: {backbone: {recompute: true}}\n"
    (folder / "a.yaml").write_text(spec.replace("small", "small.yaml"))
    assert "recomputed for gradients\n  backbone" in cli("describe", "a.yaml").out
