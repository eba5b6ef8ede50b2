"""`composer data`."""

import json
from pathlib import Path

import pytest

from composer.data import write_shape_dataset

FILES = "uses: coco, with: {annotations: shapes/instances.json, images: shapes/images}"


@pytest.fixture
def shapes(folder):
    (folder / "data.yaml").write_text(
        "composer_data: 1\n"
        "datasets:\n"
        f"  train: {{{FILES}, select: {{folds: [1], of: 2}}}}\n"
        f"  rest: {{{FILES}, categories: [disc, square], select: {{folds: [0], of: 2}}}}\n"
    )
    return write_shape_dataset(folder / "shapes", num_images=4, size=32)


def break_dataset(shapes):
    document = json.loads(shapes.annotations.read_text())
    document["annotations"][0]["bbox"][2] = 0
    document["annotations"][0]["id"] = 7
    del document["categories"][1]["name"]
    shapes.annotations.write_text(json.dumps(document))
    (shapes.images / "0002.png").unlink()
    (shapes.images / "0003.png").write_text("no picture")


def test_a_good_dataset_passes(cli, shapes):
    result = cli("data", "check", "data.yaml")
    assert result.code == 0
    assert [line.partition(" (")[0] for line in result.out.splitlines()] == [
        "train: ok",
        "rest: ok",
    ]
    assert "2 images, " in result.out


def test_faults_are_told_with_counts_and_names(cli, shapes):
    break_dataset(shapes)
    result = cli("data", "check", "data.yaml", "--dataset", "train")
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[0].startswith("train (")
    assert lines[1:] == [
        "  missing_file: 1",
        "    0002.png: there is no such file in shapes/images",
        "  unreadable_image: 1",
        "    0003.png: not an image; images are read in JPEG, PNG, TIFF, GIF, BMP, PPM, WebP, "
        "JPEG 2000, AVIF, HEIC",
        "  box_degenerate: 1",
        f"    0001.png, annotation 7: {lines[6].partition(': ')[2]}",
        "  unnamed_category: 1",
        "    category 5 has no name; it is called 'category 5'",
        "4 faults in 1 of 1 dataset.",
    ]
    assert lines[6].startswith("    0001.png, annotation 7: the box is 0 x ")


def test_a_dataset_that_cannot_be_opened_does_not_hide_the_others(cli, shapes, folder):
    text = (folder / "data.yaml").read_text()
    (folder / "data.yaml").write_text(
        text.replace(
            "train: {uses: coco, with: {annotations: shapes/",
            "train: {uses: coco, with: {annotations: ",
        ).replace("[disc, square]", "[disk]")
    )
    result = cli("data", "check", "data.yaml")
    assert result.code == 1
    assert "error: dataset 'train': instances.json: cannot be read" in result.out
    assert "error: dataset 'rest' has no class 'disk'. Did you mean 'disc'?" in result.out
    assert "2 errors in 2 of 2 datasets." in result.out


def test_a_check_prints_one_json_document(cli, shapes):
    break_dataset(shapes)
    result = cli("data", "check", "data.yaml", "--json", "--quick")
    assert result.code == 1
    train, rest = json.loads(result.out)["datasets"]
    assert (train["name"], train["error"], train["images"]) == ("train", None, 1)
    assert train["faults_by_kind"]["missing_file"] == 1
    assert train["faults"] == rest["faults"]
    assert {"kind", "message", "image", "annotation", "entry"} == train["faults"][0].keys()


def test_annotations_and_folders_can_be_checked(cli, shapes):
    result = cli("data", "check", shapes.annotations, "--images", shapes.images)
    assert result.out.splitlines()[1].startswith("instances: ok (4 images, ")
    assert cli("data", "check", shapes.annotations).out == result.out
    result = cli("data", "check", shapes.images)
    assert result.code == 0
    assert "note: the folder above has annotations" in result.out
    assert result.out.splitlines()[-1] == (
        "images: images are readable, nothing is annotated (4 images, 0 objects of 0 classes)"
    )


def test_the_datasets_of_an_experiment_can_be_checked(cli, shapes, folder):
    (folder / "experiment.yaml").write_text(
        "composer_experiment: 1\n"
        "spec: small\n"
        "datasets: data.yaml\n"
        "train: {datasets: [train], batch_size: 1}\n"
        "training: {iterations: 1, optimizer: {lr: 0.1}}\n"
    )
    result = cli("data", "check", "experiment.yaml", "--dataset", "train")
    assert (result.code, result.out[:10]) == (0, "train: ok ")


def test_an_unknown_dataset_is_a_mistake(cli, shapes):
    result = cli("data", "list", "data.yaml", "--dataset", "trian")
    assert result.code == 1
    assert "there is no dataset 'trian'. Did you mean 'train'?" in result.err


def test_datasets_are_listed_with_what_is_used(cli, shapes):
    lines = cli("data", "list", "data.yaml").out.splitlines()
    assert lines[0].split() == ["dataset", "reader", "images", "objects", "classes"]
    assert lines[1].split()[:3] == ["train", "coco", "2"]
    lines = cli("data", "list", "data.yaml", "--dataset", "rest").out.splitlines()
    assert lines[3].split() == ["class", "objects", "images"]
    assert [line.split()[0] for line in lines[4:]] == ["disc", "square"]


@pytest.mark.parametrize(("kind", "name"), [("readers", "coco"), ("augmentations", "random_flip")])
def test_what_can_be_used_is_listed_and_described(cli, kind, name):
    assert f"\n{name} " in cli("data", kind).out
    result = cli("data", kind, name)
    assert result.out.startswith(f"{name}  composer (detection-composer ")
    assert "\nconfiguration\n" in result.out
    assert "Args:" not in result.out


def test_an_unknown_reader_is_a_mistake(cli):
    result = cli("data", "readers", "coca")
    assert result.code == 1
    assert "unknown reader of datasets 'coca'. Did you mean 'coco'" in result.err


def test_drawings_to_try_things_with(cli, folder):
    result = cli("data", "shapes", "some", "-n", "2", "--size", "32", "--panoptic")
    assert result.out == "2 drawings in some/images, some/instances.json\n"
    assert cli("data", "check", "some/instances.json", "--images", "some/images").code == 0
    assert (folder / "some/panoptic/0002.png").exists()
    again = cli("data", "shapes", "some")
    assert again.code == 1
    assert "some/images is there already" in again.err


def test_polygons_that_reach_anywhere_are_told_drawn_and_evaluated(cli, shapes):
    document = json.loads(shapes.annotations.read_text())
    document["annotations"][0]["segmentation"] = [[5, 5, 1e9, 5, 1e9, 1e9]]
    for image in document["images"]:
        del image["height"], image["width"]
    shapes.annotations.write_text(json.dumps(document))
    results = [
        {**{key: entry[key] for key in ("image_id", "category_id", "segmentation")}, "score": 1}
        for entry in document["annotations"]
    ]
    Path("results.json").write_text(json.dumps(results))
    data = (shapes.annotations, "--images", shapes.images)
    result = cli("data", "check", *data)
    assert result.code == 1
    assert "mask_outside: 1" in result.out
    assert cli("data", "show", *data).code == 0
    options = ("--data", *data, "--predictions", "results.json", "--no-save", "--tasks", "segm")
    result = cli("eval", *options)
    assert result.code == 0
    assert "segm  1.000" in result.out


def test_boxes_beside_masks_are_a_remark(cli, shapes):
    file = shapes.annotations
    document = json.loads(file.read_text())
    del document["annotations"][0]["segmentation"]
    file.write_text(json.dumps(document))
    result = cli("data", "check", "data.yaml")
    assert result.code == 0
    assert "train: ok" in result.out
    assert "  note: no_mask: 1\n" in result.out
    found = json.loads(cli("data", "check", "data.yaml", "--json").out)["datasets"][0]
    assert (found["faults"], found["remarks"][0]["kind"]) == ([], "no_mask")
