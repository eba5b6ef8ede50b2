"""`composer tune`: the metrics of `composer eval`, files, and mistakes."""

import json
from pathlib import Path

import pytest
import yaml

from composer import Graph, executor
from composer.data import write_shape_dataset
from composer.graph import kept_runs

SMALL = {
    "depth": 18,
    "num_classes": 3,
    "stem_out_channels": 8,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 8,
    "mask_conv_dim": 8,
    "rpn_post_nms_topk_inference": 20,
    "max_per_image": 5,
}
VARIED = "--vary=max_per_image=2,5"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A checkpoint that describes itself, and a dataset to measure it on."""
    folder = tmp_path_factory.mktemp("tune")
    write_shape_dataset(folder / "shapes", num_images=2, size=(32, 40))
    (folder / "data.yaml").write_text(
        "composer_data: 1\n"
        "params: {folder: shapes}\n"
        "datasets:\n"
        "  shapes:\n"
        "    uses: coco\n"
        '    with: {annotations: "${folder}/instances.json", images: "${folder}/images"}\n'
    )
    spec = {
        "composer": 1,
        "name": "tiny",
        "extends": "mask_rcnn_r50_fpn",
        "set": SMALL,
        "inputs": {"batch": {"image": {"shortest_edge": 32}}},
    }
    Graph.from_spec(spec).save(folder / "tiny.safetensors")
    return folder


def test_each_setting_has_the_metrics_of_eval_and_so_has_the_best_spec(cli, files, folder):
    data = ("--data", files / "data.yaml")
    result = cli("tune", files / "tiny.safetensors", *data, VARIED, "-o", "out")
    assert result.code == 0, result.err
    assert "shapes: 2 images" in result.out
    assert "these change roi_heads.detections" in result.out
    assert "best by bbox/AP, 0." in result.out
    for name in ("tuning.json", "tuning.png", "tuning.svg", "best.yaml", "model.yaml"):
        assert f"saved out/{name}" in result.out
    found = json.loads(Path("out/tuning.json").read_text())
    for setting in found["settings"]:
        text = f"max_per_image={setting['set']['max_per_image']}"
        alone = cli("eval", files / "tiny.safetensors", *data, "--set", text, "--no-save", "--json")
        assert json.loads(alone.out)["tasks"] == setting["tasks"]
    best = cli("eval", "out/best.yaml", *data, "--no-save", "--json")
    assert json.loads(best.out)["tasks"] == found["best"]["tasks"]
    assert yaml.safe_load(Path("out/best.yaml").read_text())["extends"] == "model.yaml"


def test_json_is_all_that_is_printed_and_nothing_is_written_if_so_wished(cli, files, folder):
    result = cli(
        *("tune", files / "tiny.safetensors", "--data", files / "data.yaml", VARIED),
        *("--no-save", "--json", "--metric", "segm/AP50", "--set", f"folder={files / 'shapes'}"),
    )
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["metric"] == "segm/AP50"
    assert [each["set"] for each in found["settings"]] == [
        {"max_per_image": 2},
        {"max_per_image": 5},
    ]
    assert found["files"] == []
    assert not list(folder.glob("runs/*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--vary'"),
        (["--vary", "max_per_image"], "is not ADDRESS=VALUES"),
        (["--vary", "score_threshold=0.1:"], "has no end"),
        ([VARIED, VARIED], "'max_per_image' is varied twice"),
        ([VARIED, "--no-save", "-o", "out"], "exclude each other"),
        (["--vary", "folder=a,b"], "'folder' is one of the data"),
    ],
)
def test_wrong_usage_ends_in_a_message(cli, files, arguments, message):
    model, data = files / "tiny.safetensors", files / "data.yaml"
    result = cli("tune", model, "--data", data, *arguments)
    assert result.code == 2
    assert message in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vary", "detections.max_per_imag=1,2"], "Did you mean"),
        (["--vary", "max_per_image=two,3"], "--vary max_per_image"),
        (["--vary", "rpn.loss_weight=1,2"], "there is nothing to set"),
        ([VARIED, "--metric", "box/AP"], "Did you mean 'bbox/AP'?"),
    ],
)
def test_mistakes_end_in_a_message(cli, files, arguments, message):
    model, data = files / "tiny.safetensors", files / "data.yaml"
    result = cli("tune", model, "--data", data, *arguments)
    assert result.code == 1
    assert message in result.err


def test_a_later_tuning_finds_kept_values(cli, files, folder, monkeypatch):
    # The checks of annotations in tests draw from Python's generator, so nothing would be kept.
    monkeypatch.setattr(kept_runs, "_find_random_states", lambda: ())
    given = (files / "tiny.safetensors", "--data", files / "data.yaml", "--json", "--no-save")
    plain = cli("tune", *given, VARIED)
    first = cli("tune", *given, VARIED, "--cache", "values")
    kept = sorted(Path("values").rglob("*.safetensors"))
    assert first.code == 0, first.err
    assert first.out == plain.out
    assert kept
    calls, call = [], executor._call
    monkeypatch.setattr(executor, "_call", lambda step, *a: calls.append(step) or call(step, *a))
    again = cli("tune", *given, "--vary=max_per_image=2,3", "--cache", "values")
    assert json.loads(again.out)["settings"][0] == json.loads(plain.out)["settings"][0]
    assert sorted(Path("values").rglob("*.safetensors")) == kept
    assert "backbone.bottom_up" not in {step.node.path for step in calls}
