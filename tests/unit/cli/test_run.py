import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from composer.storage import read_value, write_value
from composer.structures import Boxes, ImageBatch, Instances

IMAGE = torch.zeros(3, 32, 48, dtype=torch.uint8)
UPPER = ["preprocess", "backbone.bottom_up", "backbone.fpn"]


@pytest.fixture
def batch(folder):
    save_file({"image": IMAGE}, "batch.safetensors")
    return "batch.safetensors"


@pytest.fixture
def run(cli, batch):
    """Runs the small spec on a batch, and gives its JSON document."""

    def run_small(*arguments):
        result = cli("run", "small.yaml", "--input", batch, "--json", *arguments)
        assert result.code == 0, result.err
        return json.loads(result.out)

    return run_small


def test_table_shows_each_node_with_its_output_and_its_time(cli, batch):
    result = cli("run", "small.yaml", "-i", batch, "-u", "rpn_head")
    assert result.code == 0
    head, *rows = result.out.splitlines()
    assert head.split() == ["node", "output", "time"]
    assert rows[0].split()[:4] == ["preprocess", "images", "1x3x32x64", "float32"]
    assert rows[0].endswith("s")
    assert rows[3].split()[:2] == ["rpn.rpn_head", "objectness"]
    assert rows[4].split()[0] == "deltas"
    assert rows[5:] == [
        "  not run: rpn.anchors, rpn.proposals, regions",
        "  saved rpn.rpn_head to runs/small/rpn.rpn_head.safetensors",
    ]


def test_exactly_what_is_needed_runs(run):
    document = run("-u", "backbone")
    assert [node["path"] for node in document["nodes"]] == UPPER
    assert document["not_run"] == [
        "rpn.anchors",
        "rpn.rpn_head",
        "rpn.proposals",
        "regions",
    ]


def test_nodes_outside_the_plan_are_not_even_built(run):
    assert run("-u", "backbone")["built"] == UPPER


def test_several_targets_are_all_given_and_saved(run):
    document = run("-u", "backbone", "-u", "regions")
    results = document["results"]
    assert {name: entry["saved"] for name, entry in results.items()} == {
        "backbone": "runs/small/backbone.safetensors",
        "regions": "runs/small/regions.safetensors",
    }
    assert list(read_value("runs/small/backbone.safetensors")) == ["p2", "p3", "p4"]
    assert read_value("runs/small/regions.safetensors").shape == (5, 8, 2, 2)


def test_whole_run_saves_the_outputs(cli, batch):
    result = cli("run", "small.yaml", "-i", batch)
    assert "  image 1: 5 boxes\n" in result.out
    (record,) = read_value("runs/small/outputs.safetensors")
    assert isinstance(record["boxes"], Boxes)


def test_tap_is_given_and_saved(run):
    document = run("-u", "bottom_up:res3.0.conv1")
    saved = document["results"]["backbone.bottom_up:res3.0.conv1"]["saved"]
    assert saved == "runs/small/backbone.bottom_up.res3.0.conv1.safetensors"
    assert read_value(saved).shape[0] == 1


def test_saved_value_can_be_fed(run):
    whole = run("-u", "rpn.boxes", "-u", "regions")
    fed = run(
        "-u", "regions", "--feed", "rpn.boxes=runs/small/rpn.boxes.safetensors", "--save", "x"
    )
    assert fed["cut"] == ["rpn.anchors", "rpn.rpn_head", "rpn.proposals"]
    assert [node["path"] for node in fed["nodes"]] == [*UPPER, "regions"]
    first = read_value(whole["results"]["regions"]["saved"])
    assert torch.equal(first, read_value("x/regions.safetensors"))


def test_values_by_port_feed_all_outputs_of_a_node(cli, batch):
    maps = [torch.zeros(1, 1, 8, 16), torch.zeros(1, 1, 4, 8), torch.zeros(1, 1, 2, 4)]
    deltas = [level.expand(-1, 4, -1, -1) for level in maps]
    write_value("head.safetensors", {"objectness": maps, "deltas": deltas})
    feed = "rpn_head=head.safetensors"
    result = cli("run", "small.yaml", "-i", batch, "-u", "proposals", "-f", feed)
    assert result.code == 0
    assert "cut off by feeds: rpn.rpn_head" in result.out


def test_a_saved_node_has_all_its_ports_and_is_not_computed_anew(cli, batch):
    for arguments in (
        ["-u", "rpn_head", "-u", "proposals"],
        ["-u", "proposals", "-f", "rpn_head=x"],
    ):
        feeds = [a.replace("=x", "=runs/small/rpn.rpn_head.safetensors") for a in arguments]
        result = cli("run", "small.yaml", "-i", batch, *feeds)
        assert result.code == 0
        assert "anew" not in result.err
    assert "cut off by feeds: rpn.rpn_head" in result.out
    saved = read_value("runs/small/rpn.rpn_head.safetensors")
    assert list(saved) == ["objectness", "deltas"]


def test_ports_that_a_feed_lacks_are_reported(cli, batch):
    maps = [torch.zeros(1, 1, 8, 16), torch.zeros(1, 1, 4, 8), torch.zeros(1, 1, 2, 4)]
    write_value("head.safetensors", maps)
    feed = "rpn_head=head.safetensors"
    result = cli("run", "small.yaml", "-i", batch, "-u", "proposals", "-f", feed)
    note = "the feed of 'rpn.rpn_head' has only objectness: computing deltas anew"
    assert result.err.count(note) == 1


def test_plain_tensor_becomes_what_the_port_wants(cli, folder, run):
    (folder / "boxes.json").write_text("[[0, 0, 20, 20], [5, 5, 30, 30], [1, 2, 3, 4]]")
    document = run("-u", "regions", "-f", "rpn.boxes=boxes.json")
    assert document["results"]["regions"]["value"] == "3x8x2x2 float32"


def test_everything_fed_wants_no_input(cli, run, folder):
    run("-u", "backbone", "-u", "rpn.boxes")
    result = cli(
        *("run", "small.yaml", "-u", "regions", "--json"),
        *("-f", "backbone=runs/small/backbone.safetensors"),
        *("-f", "rpn.boxes=runs/small/rpn.boxes.safetensors"),
    )
    document = json.loads(result.out)
    assert [node["path"] for node in document["nodes"]] == ["regions"]
    assert document["inputs"] == {}


def test_feed_that_is_not_needed_is_reported(cli, run, batch):
    run("-u", "rpn.boxes")
    feed = "rpn.boxes=runs/small/rpn.boxes.safetensors"
    result = cli("run", "small.yaml", "-i", batch, "-u", "backbone", "-f", feed)
    assert "the feed 'rpn.proposals.boxes' is not needed" in result.err


def test_input_that_is_not_read_is_reported(cli, run, batch):
    run("-u", "backbone")
    feed = "backbone=runs/small/backbone.safetensors"
    result = cli("run", "small.yaml", "-i", "nowhere.jpg", "-u", "rpn_head", "-f", feed)
    assert result.code == 0
    assert "the input is not read" in result.err


def test_without_input_the_example_is_used_and_a_line_says_so(cli, folder):
    result = cli("run", "small.yaml", "-u", "preprocess")
    assert result.code == 0
    assert "no --input: running on the spec's example for 'batch'" in result.err
    assert "astronaut.jpg" in result.err
    assert "1x3x64x64" in result.out


def test_without_weights_a_line_says_that_they_are_random(cli, batch):
    result = cli("run", "small.yaml", "-i", batch, "-u", "backbone", "--seed", 3)
    assert "no --weights: the weights are random, from seed 3" in result.err


def test_seed_decides_the_random_weights(run):
    for number, seed in enumerate([1, 1, 2]):
        run("-u", "backbone", "--seed", seed, "--save", f"run{number}")
    first, again, other = (read_value(f"run{i}/backbone.safetensors")["p2"] for i in range(3))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_settings_change_params(run):
    document = run("-u", "backbone", "--set", "channels=16")
    assert document["spec"]["params"]["channels"] == 16
    assert read_value("runs/small/backbone.safetensors")["p2"].shape[1] == 16


def test_images_and_folders_become_one_batch(cli, folder):
    (folder / "images").mkdir()
    for name in ("images/a.png", "images/b.png", "c.png"):
        Image.new("RGB", (40, 20)).save(name)
    result = cli("run", "small.yaml", "-i", "images", "-i", "c.png", "-u", "preprocess")
    assert "3x3x64x128 float32" in result.out


def test_input_can_be_named(cli, batch):
    result = cli("run", "small.yaml", "-i", f"batch={batch}", "-u", "preprocess")
    assert result.code == 0


def test_saved_batch_is_an_input_with_ground_truth(cli, folder):
    truth = Instances((32, 48), pred_boxes=Boxes([[1, 2, 30, 30]]))
    batch = ImageBatch([{"image": IMAGE, "instances": truth}])
    write_value("truth.safetensors", batch)
    result = cli("run", "small.yaml", "-i", "truth.safetensors", "--mode", "training")
    assert result.code == 0, result.err
    assert "image 1: 1 instance\n" in result.out


def test_training_without_ground_truth_is_refused(cli, batch):
    result = cli("run", "small.yaml", "-i", batch, "--mode", "training")
    assert result.code == 1
    assert "Record 0 has no 'instances'" in result.err
    assert "Training needs ground truth" in result.err
    assert result.out == ""


def test_json_is_the_only_output(run):
    document = run("-u", "preprocess")
    assert document["mode"] == "inference"
    assert document["inputs"] == {"batch": ["batch.safetensors"]}
    (node,) = document["nodes"]
    assert node["type"] == "preprocess"
    assert node["outputs"] == {"images": "1x3x32x64 float32"}
    assert node["seconds"] > 0


def test_profile_measures_memory(cli, run, batch):
    (node,) = run("-u", "preprocess", "--profile")["nodes"]
    assert node["output_bytes"] == 3 * 32 * 64 * 4
    assert node["peak_bytes"] >= node["output_bytes"]
    text = cli("run", "small.yaml", "-i", batch, "-u", "preprocess", "--profile").out
    assert "24.0 KiB" in text
    assert "peak" in text


def test_dry_run_prints_the_plan_and_runs_nothing(cli, folder):
    result = cli("run", "small.yaml", "-u", "rpn_head", "--dry-run", "-w", "nowhere.pth")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("plan for rpn.rpn_head (inference)\n")
    assert "releases backbone.fpn" in result.out
    assert not (folder / "runs").exists()


def test_dry_run_in_json(cli, folder):
    document = json.loads(cli("run", "small.yaml", "-u", "backbone", "--dry-run", "--json").out)
    assert [step["path"] for step in document["steps"]] == UPPER
    assert document["targets"] == ["backbone"]


def test_nothing_is_saved_where_that_is_asked(run, folder):
    assert run("-u", "preprocess", "--no-save")["results"]["preprocess"]["saved"] is None
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("save", "file"), [("a/b.safetensors", "a/b.safetensors"), ("a", "a/preprocess.safetensors")]
)
def test_result_is_saved_to_a_file_or_a_folder(run, save, file):
    run("-u", "preprocess", "--save", save)
    assert read_value(file) is not None


def test_name_of_a_spec_does_not_lead_out_of_the_folder(cli, batch, folder):
    text = (folder / "small.yaml").read_text().replace("name: small", "name: ../../up")
    (folder / "small.yaml").write_text(text)
    result = cli("run", "small.yaml", "-i", batch, "-u", "preprocess")
    assert "saved preprocess to runs/up/preprocess.safetensors" in result.out
    assert (folder / "runs/up/preprocess.safetensors").exists()


def test_images_that_cannot_be_read_are_reported_and_the_others_run(cli, folder):
    (folder / "photos").mkdir()
    for name in ("a.png", "c.png"):
        Image.new("RGB", (48, 32)).save(folder / "photos" / name)
    (folder / "photos/b.png").write_bytes(b"")
    (folder / "photos/d.png").symlink_to("d.png")
    (folder / "photos/e.png").mkdir()
    (folder / "photos/._a.png").write_bytes(b"\0\5\x16\7")
    result = cli("run", "small.yaml", "--input", "photos", "-u", "preprocess", "--no-save")
    assert result.code == 1
    assert "2x3x64x96" in result.out
    assert "error: photos/b.png: not an image: it is empty" in result.err
    assert "error: photos/d.png: it cannot be opened" in result.err
    assert "error: photos/e.png: it is a folder" in result.err
    assert "._a" not in result.err


def test_samples_that_are_black_and_white_are_an_option(cli, folder):
    Image.fromarray(np.full((32, 48), 4095, dtype=np.uint16)).save(folder / "deep.png")
    arguments = ("small.yaml", "--input", "deep.png", "-u", "preprocess", "--no-save")
    assert cli("run", *arguments).code == 1
    assert cli("run", *arguments, "--sample-range", "0,4095").code == 0
    assert cli("run", *arguments, "--sample-range", "5,1").code == 2


def test_images_of_which_none_can_be_read_end_a_run(cli, folder):
    (folder / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (folder / "photos" / name).write_bytes(b"")
    result = cli("run", "small.yaml", "--input", "photos", "-u", "preprocess", "--no-save")
    assert result.code == 1
    assert "photos/a.png: not an image" in result.err
    assert "photos/b.png: not an image" in result.err
    assert not result.out


def test_a_model_without_an_example_runs_on_the_one_that_ships(cli, folder):
    text = (folder / "small.yaml").read_text()
    (folder / "bare.yaml").write_text(text.replace("    example: astronaut.jpg\n", ""))
    result = cli("run", "bare.yaml", "--until", "preprocess", "--no-save")
    assert result.code == 0
    assert "no --input: running on the example that ships for 'batch'" in result.out + result.err
    costs = cli("show", "bare.yaml", "--costs", "--until", "preprocess")
    assert "astronaut.jpg" in costs.out
