"""`composer eval`: metrics on the terminal, files, and mistakes."""

import json
import re

import pytest

from composer import Graph
from composer.data import write_shape_dataset
from composer.evaluation.tasks import TASKS
from limited_files import limited

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
FIGURES = "task     AP   AP50   AP75    APs"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A checkpoint that describes itself, and datasets to measure it on."""
    folder = tmp_path_factory.mktemp("eval")
    shapes = write_shape_dataset(folder / "shapes", num_images=2, size=(32, 40))
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
    document = json.loads(shapes.annotations.read_text())
    truth = [
        {k: one[k] for k in ("image_id", "category_id", "bbox")} | {"score": 0.9}
        for one in document["annotations"]
        if not one["iscrowd"]
    ]
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder


def test_metrics_are_printed_and_files_are_written(cli, files, folder):
    result = cli("eval", files / "tiny.safetensors", "--data", files / "data.yaml", "-o", "out")
    assert result.code == 0, result.err
    assert result.out.startswith("shapes: 2 images\n\n" + FIGURES)
    for name in ("results.json", "coco_results.json", "plots"):
        assert f"saved out/{name}" in result.out
    metrics = json.loads((folder / "out/results.json").read_text())
    assert set(metrics["tasks"]) == {"bbox", "segm"}
    entries = json.loads((folder / "out/coco_results.json").read_text())
    assert {entry["category_id"] for entry in entries} <= {3, 5, 8}
    assert (folder / "out/plots/bbox_precision_recall.png").read_bytes().startswith(b"\x89PNG")


def test_detections_that_were_written_have_the_same_metrics(cli, files, folder):
    data = ("--data", files / "shapes/instances.json", "--images", files / "shapes/images")
    first = cli("eval", files / "tiny.safetensors", *data, "--json", "--no-plots", "-o", "out")
    again = cli("eval", "--predictions", "out/coco_results.json", *data, "--json", "--no-save")
    first, again = json.loads(first.out), json.loads(again.out)
    assert again["tasks"] == first["tasks"]
    assert first["files"] == ["out/results.json", "out/coco_results.json"]
    assert again["files"] == []


def test_truth_as_predictions_reaches_one_for_every_class(cli, files, folder):
    result = cli(
        *("eval", "--predictions", files / "truth.json", "--data", files / "data.yaml"),
        *("--tasks", "bbox,voc", "--per-class", "--no-save"),
    )
    assert result.code == 0, result.err
    assert "bbox  1.000  1.000  1.000" in result.out
    assert "voc   1.000  1.000  1.000" in result.out
    assert "class" in result.out
    assert list(folder.glob("runs/*")) == []


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_disk_does_not_lose_the_metrics(cli, files, folder, options):
    command = ("eval", "--predictions", files / "truth.json", "--data", files / "data.yaml")
    with limited(100):
        result = cli(*command, *options, "-o", "out")
    assert result.code == 1
    assert result.err == f"error: {folder / 'out/results.json'}: File too large\n"
    assert "1.000  1.000  1.000" in result.out or json.loads(result.out)["tasks"]["bbox"]
    assert not (folder / "out/results.json").exists()


def test_spec_takes_weights_and_params(cli, files, folder):
    weights = folder / "weights.safetensors"
    Graph.from_spec("mask_rcnn_r50_fpn", **SMALL).save(weights)
    settings = [f"--set={name}={value}" for name, value in SMALL.items()]
    result = cli(
        *("eval", "mask_rcnn_r50_fpn", "-w", weights, "--data", files / "data.yaml"),
        *("--tasks", "bbox", "--no-save", *settings, "--set", "max_per_image=1"),
        *("--set", f"folder={files / 'shapes'}"),
    )
    assert result.code == 0, result.err
    assert FIGURES in result.out


def test_images_can_be_looked_at_several_times(cli, files, folder):
    result = cli(
        *("eval", files / "tiny.safetensors", "--data", files / "data.yaml", "--no-save"),
        *("--tta", "--tta-sizes", "32,48", "--tasks", "bbox"),
    )
    assert result.code == 0, result.err
    assert FIGURES in result.out


def test_images_can_have_another_size(cli, files, folder):
    command = ("eval", files / "tiny.safetensors", "--data", files / "data.yaml", "--no-save")
    result = cli(*command, "--image-size", "48,64", "--tasks", "bbox")
    assert result.code == 0, result.err
    assert FIGURES in result.out
    for mistake, message in (
        (("--image-size", "large"), "'large' is neither 480 nor 480,832"),
        (("--image-size", "64,48"), "a limit of the longer one"),
        (("--image-size", "64", "--tta"), "name them with --tta-sizes"),
        (("--set", "shortest_edge=48"), "there is nothing to set at 'shortest_edge'"),
    ):
        result = cli(*command, *mistake)
        assert result.code in (1, 2)
        assert message in " ".join(result.err.split())


@pytest.fixture
def damaged(folder):
    """Annotations and images: one image is cut short."""
    shapes = write_shape_dataset(folder / "damaged", num_images=2, size=(32, 40))
    image = sorted(shapes.images.iterdir())[0]
    image.write_bytes(image.read_bytes()[:60])
    return shapes


def test_bad_images_and_annotations_are_left_out_or_refused(cli, files, damaged):
    command = (
        *("eval", files / "tiny.safetensors", "--data", damaged.annotations),
        *("--images", damaged.images, "--no-save", "--tasks", "bbox"),
    )
    result = cli(*command)
    assert result.code == 0, result.err
    assert "unreadable image, counted as one without detections" in result.err
    result = cli(*command, "--on-fault", "refuse")
    assert result.code == 1
    assert sorted(damaged.images.iterdir())[0].name in result.err
    document = json.loads(damaged.annotations.read_text())
    document["annotations"][0]["category_id"] = 77
    damaged.annotations.write_text(json.dumps(document))
    result = cli(*command, "--on-fault", "refuse")
    assert result.code == 1
    assert "dataset 'instances' has 1 fault" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiny.safetensors", "--tasks", "bbx"), "Did you mean 'bbox'"),
        (
            ("tiny.safetensors", "--tasks", "keypoints"),
            "nothing annotated for the task 'keypoints'",
        ),
        (("tiny.safetensors", "--tasks", "panoptic"), "has no panoptic annotation"),
        (("tiny.safetensors", "--dataset", "shape"), "Did you mean 'shapes'"),
        (("tiny.safetensors", "--device", "abacus"), "the device 'abacus' cannot be used"),
        (("--predictions", "missing.json"), "missing.json: cannot be read"),
        (("mask_rcnn_r50_fpn",), "names no weights"),
        (("mask_rcnn_r50_fpn", "--set", "depth=18"), "names no weights"),
        (("mask_rcnn_r50_fpn", "--set", "dept=18"), "or 'model.depth'?"),
        (("tiny.safetensors", "--set", "datasets.shapes.frist=1"), "datasets.shapes.select.first"),
        (("--predictions", "truth.json", "--set", "depth=18"), "nothing to set at 'depth'"),
    ],
)
def test_mistakes_end_in_a_message(cli, files, monkeypatch, arguments, message):
    monkeypatch.chdir(files)
    result = cli("eval", *arguments, "--data", "data.yaml", "--no-save")
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("model.safetensors", "--predictions", "results.json"),
        ("--predictions", "results.json", "--weights", "model.safetensors"),
        ("--predictions", "results.json", "--tta"),
        ("--predictions", "results.json", "--image-size", "0"),
        ("--predictions", "results.json", "--batch-size", "1"),
        ("--predictions", "results.json", "--num-workers", "0"),
        ("--predictions", "results.json", "--device", "cpu"),
        ("model.safetensors", "--tta-sizes", "400"),
        ("model.safetensors", "--tta", "--tta-sizes", "many"),
        ("model.safetensors", "--no-save", "-o", "out"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(cli, arguments):
    result = cli("eval", *arguments, "--data", "data.yaml")
    assert result.code == 2
    assert "Usage: composer eval" in result.err


def test_images_of_training_among_the_evaluated_are_told(cli, files, folder):
    entry = (files / "data.yaml").read_text().split("  shapes:\n")[1]
    text = (files / "data.yaml").read_text().replace("shapes:\n", f"train:\n{entry}  val:\n", 1)
    (files / "parts.yaml").write_text(text)
    command = ("eval", "--predictions", files / "truth.json", "--data", files / "parts.yaml")
    chosen = cli(*command, "--dataset", "val", "--no-save")
    assert (chosen.code, chosen.err) == (0, "")
    joined = cli(*command, "--no-save")
    assert "note: evaluating on train, val together, images of training included" in joined.err


def test_the_help_names_every_task(cli):
    assert set(TASKS) <= set(re.findall(r"\w+", cli("eval", "--help").out))
