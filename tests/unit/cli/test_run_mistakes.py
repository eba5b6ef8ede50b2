import pytest
import torch
from safetensors.torch import save_file

from composer.storage import write_value
from composer.structures import Boxes, Instances


@pytest.fixture
def files(folder):
    save_file({"image": torch.zeros(3, 32, 48, dtype=torch.uint8)}, "batch.safetensors")
    write_value("number.safetensors", 5)
    (folder / "notes.txt").write_text("no image")
    (folder / "broken.safetensors").write_bytes(b"\x10")
    (folder / "boxes.json").write_text("[[1, 2, 3]]")
    return folder


MISTAKES = [
    (["-u", "regionz"], "Did you mean 'regions'?"),
    (["-u", "output"], "'output' is ambiguous; it could be backbone.bottom_up.output"),
    (["-u", "bottom_up:res9"], "has no module 'res9' inside"),
    (["-u", "check_truth"], "in inference mode"),
    (["-i", "nowhere.jpg"], "nowhere.jpg: there is no such file or folder"),
    (["-i", "notes.txt"], "notes.txt: not an image"),
    (["-i", "number.safetensors"], "number.safetensors: a int is no list of records"),
    (["-i", "broken.safetensors"], "broken.safetensors: "),
    (["-f", "regionz=batch.safetensors"], "there is no node"),
    (["-f", "regions=nowhere.pt"], "nowhere.pt: there is no such file"),
    (["-f", "rpn.boxes=boxes.json", "-u", "regions"], "no Boxes can be made of a tensor"),
    (["-w", "nowhere.pth"], "nowhere.pth: there is no such file"),
    (["-w", "nothing=nowhere.pth"], "there is no node 'nothing'"),
    (["--set", "edges=3"], "there is nothing to set at 'edges'"),
    (["--set", "edge"], "a setting is ADDRESS=VALUE"),
    (["--set", "edge=big"], "'shortest_edge'"),
    (["--device", "abacus"], "the device 'abacus' cannot be used"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda value: str(value))
def test_mistake_is_explained_without_a_traceback(cli, files, arguments, message):
    result = cli("run", "small.yaml", *arguments)
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (files / "runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["-f", "regions"],
        ["-f", "regions="],
        ["-w", "backbone="],
        ["--mode", "testing"],
        ["--seed", "x"],
        ["--save", "a.safetensors", "--no-save"],
        ["--save", "a.pt"],
        ["--save", "a.safetensors", "-u", "regions", "-u", "backbone"],
    ],
    ids=str,
)
def test_wrong_use_ends_with_two(cli, files, arguments):
    result = cli("run", "small.yaml", *arguments)
    assert result.code == 2
    assert result.err.startswith("Usage: composer run") or "Error: " in result.err


def test_problems_of_the_spec_are_all_shown_with_their_places(cli, files):
    text = (files / "small.yaml").read_text()
    text = text.replace("uses: roi_pooler", "uses: roi_poler").replace("num_anchors", "num_anchor")
    (files / "small.yaml").write_text(text)
    result = cli("run", "small.yaml")
    assert result.code == 1
    assert result.err.startswith("small.yaml:")
    assert "Did you mean 'roi_pooler'" in result.err
    assert result.err.endswith("2 problems.\n")


def test_node_that_fails_is_named_with_what_it_was_given(cli, files):
    save_file({"image": torch.zeros(4, 32, 48)}, "four.safetensors")
    result = cli("run", "small.yaml", "-i", "four.safetensors")
    assert result.code == 1
    assert "node 'preprocess'" in result.err
    assert "batch: 1 image: 4x32x48" in result.err


TWO_INPUTS = """\
composer: 1
inputs: {truth: any, batch: ImageBatch}
nodes:
  rescale: {uses: postprocess, inputs: {instances: truth, batch: batch}}
outputs: {instances: rescale}
"""


def test_several_inputs_want_names(cli, files):
    (files / "two.yaml").write_text(TWO_INPUTS)
    write_value("truth.safetensors", [Instances((32, 48), pred_boxes=Boxes([[1, 2, 30, 30]]))])
    result = cli("run", "two.yaml", "-i", "truth.safetensors", "-i", "batch.safetensors")
    assert result.code == 1
    assert "has the inputs truth, batch; write NAME=truth.safetensors" in result.err
    named = ["-i", "truth=truth.safetensors", "-i", "batch=batch.safetensors"]
    assert cli("run", "two.yaml", *named).code == 0


def test_input_without_a_file_is_named(cli, files):
    (files / "two.yaml").write_text(TWO_INPUTS)
    result = cli("run", "two.yaml", "-i", "batch=batch.safetensors")
    assert result.code == 1
    assert "the input 'truth' (anything), which rescale reads, is missing" in result.err


def test_image_for_an_input_of_tensors_is_refused(cli, files):
    (files / "two.yaml").write_text(TWO_INPUTS)
    named = ["-i", "truth=notes.txt", "-i", "batch=batch.safetensors"]
    result = cli("run", "two.yaml", *named)
    assert result.code == 1
    assert "input 'truth' takes a file of tensors" in result.err
    several = cli("run", "two.yaml", "-i", "truth=a.npz", "-i", "truth=b.npz")
    assert "input 'truth' takes one file, not 2" in several.err


def test_graph_without_outputs_wants_a_target(cli, files):
    text = (files / "small.yaml").read_text().partition("\noutputs:\n  inf")[0]
    (files / "small.yaml").write_text(text)
    result = cli("run", "small.yaml")
    assert result.code == 1
    assert "name a node with --until" in result.err


def test_value_that_cannot_be_written_is_reported(cli, files):
    (files / "taken").write_text("a file")
    result = cli(
        "run", "small.yaml", "-i", "batch.safetensors", "-u", "preprocess", "--save", "taken"
    )
    assert result.code == 1
    assert "cannot be written" in result.err
