"""`composer data` with data sets of other formats: check, convert, split; and training on them."""

import json

import pytest
from PIL import Image

from composer.data import open_datasets, read_data_file, write_shape_dataset


@pytest.fixture
def yolo(cli, folder):
    write_shape_dataset("shapes", num_images=6, size=32)
    assert cli("data", "convert", "shapes", "set", "--to", "yolo").code == 0
    return folder / "set"


def test_the_format_and_the_splits_are_reported(cli, yolo):
    result = cli("data", "check", "set")
    assert result.code == 0
    assert result.out.splitlines()[0] == (
        "set: YOLO, as Ultralytics has it (reader yolo): data.yaml; splits: train"
    )
    assert result.out.splitlines()[1].startswith("train: ok (6 images, ")
    report = json.loads(cli("data", "check", "set", "--json").out)
    assert report["format"].startswith("YOLO")


def test_a_folder_of_several_formats_lists_them(cli, yolo):
    (yolo / "boxes.csv").write_text("image,x1,y1,x2,y2,label\n0001.png,1,1,9,9,cat\n")
    result = cli("data", "check", "set")
    assert result.code == 1
    assert "it can be read in several formats (--format):" in result.err
    assert "\n  csv: table of boxes (reader csv): boxes.csv" in result.err
    assert "\n  yolo: YOLO" in result.err
    assert cli("data", "check", "set", "--format", "yolo").code == 0
    wrong = cli("data", "check", "set", "--format", "yola")
    assert "Did you mean 'yolo'" in wrong.err


def test_annotations_that_are_not_read_are_never_ok(cli, folder):
    (folder / "set/Annotations").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "set/a.png")
    (folder / "set/Annotations/a.xml").write_text("<other/>")
    result = cli("data", "check", "set")
    assert result.code == 1
    assert "ok" not in result.out
    assert "not read, of no format that is recognised: Annotations/a.xml" in result.out


@pytest.mark.parametrize("path", ["nothing", "empty", "a.zip", "a.json"])
def test_what_is_no_dataset_is_told(cli, folder, path):
    (folder / "empty").mkdir()
    (folder / "a.zip").write_bytes(b"PK")
    (folder / "a.json").write_text("{}")
    result = cli("data", "check", path)
    assert result.code == 1
    assert result.err.startswith(f"error: {path}: ")
    assert "Traceback" not in result.err


def test_conversion_lists_what_is_not_held(cli, folder):
    write_shape_dataset("shapes", num_images=2, size=32, keypoints=True)
    result = cli("data", "convert", "shapes", "out", "--to", "yolo")
    assert result.code == 0
    assert result.out.startswith("out: shapes (2 images, ")
    assert "  not held by the format: masks, which are left out: " in result.out
    again = cli("data", "convert", "shapes", "out", "--to", "coco")
    assert (again.code, again.err) == (1, "error: out exists; nothing is written over it\n")


def test_a_dataset_is_divided_into_a_data_file(cli, yolo):
    result = cli("data", "split", "set", "parts.yaml", "--parts", "train=.5,val=.5")
    assert result.code == 0, result.err
    assert result.out.splitlines()[0].split() == ["part", "images", "square", "triangle", "disc"]
    checked = cli("data", "check", "parts.yaml")
    assert [line.split(" (")[1][:9] for line in checked.out.splitlines()] == ["3 images,"] * 2
    again = cli("data", "split", "set", "parts.yaml")
    assert "exists; nothing is written over it" in again.err


def test_parts_keep_what_a_data_file_says_of_the_whole(cli, folder):
    write_shape_dataset("shapes", num_images=6, size=32, panoptic=True, keypoints=True)
    given = {
        "things": ("coco", {"keypoint_flip_pairs": []}),
        "all": ("coco_panoptic", {"panoptic": "shapes/panoptic", "things_as_one": False}),
    }
    for name, (reader, values) in given.items():
        annotations = "shapes/panoptic.json" if "panoptic" in values else "shapes/instances.json"
        call = {
            "uses": reader,
            "with": {"annotations": annotations, "images": "shapes/images", **values},
        }
        document = {"composer_data": 1, "datasets": {name: call}}
        (folder / "data.yaml").write_text(json.dumps(document))
        assert cli("data", "split", "data.yaml", f"{name}.yaml").code == 0
        whole = open_datasets(read_data_file("data.yaml").datasets)
        part = open_datasets(read_data_file(f"{name}.yaml").datasets, ["val"])
        assert part.metadata == whole.metadata


def test_a_dataset_is_divided_into_folders(cli, yolo):
    for target in ("coco", "yolo"):
        result = cli("data", "split", "set", target, "--to", target, "--pictures", "link")
        assert result.code == 0, result.err
        assert cli("data", "check", target).out.count(": ok (") == 2
    several = cli("data", "split", "coco", "x")
    assert "--dataset chooses the one to divide" in several.err


def test_one_trains_on_a_folder_of_any_format(cli, yolo):
    assert cli("data", "split", "set", "parts", "--to", "yolo").code == 0
    options = ("--data", "parts", "--set", "num_classes=3", "--dry-run", "--from-scratch")
    checked = cli("train", "mask_rcnn_r50_fpn", *options)
    assert checked.code == 0, checked.err
    assert "train" in checked.out


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("gone", "gone: there is no such folder of images"),
        ("shapes/instances.json", "shapes/instances.json is a file; the folder of the images is"),
        ("empty", "empty: there is no image in this folder of images"),
        ("", "the folder of the images has an empty name; the current one is '.'"),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["list"], ["show"], ["split", "{}", "out.yaml"]])
def test_a_folder_of_images_that_is_none_is_told_as_one(cli, folder, command, images, message):
    write_shape_dataset("shapes", num_images=2, size=16)
    (folder / "empty").mkdir()
    name, *rest = command
    data = [one.format("shapes") for one in rest] or ["shapes"]
    result = cli("data", name, *data, "--images", images)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1


def test_a_folder_of_images_goes_with_annotations_that_do_not_have_one(cli, yolo):
    result = cli("data", "check", "set", "--images", "shapes/images")
    assert result.code == 1
    assert result.err.startswith("error: set: the format, YOLO, as Ultralytics has it, says itself")
    result = cli("data", "check", "shapes/images", "--images", "set/images")
    assert result.code == 1
    assert "no annotations are recognised in it" in result.err


def test_images_are_found_below_the_folder_that_is_named(cli, folder):
    write_shape_dataset("shapes", num_images=2, size=16)
    (folder / "shapes/instances.json").rename(folder / "a.json")
    for images in ("shapes", "shapes/images", "."):
        result = cli("data", "check", "a.json", "--images", images)
        assert result.code == 0
        assert "a: ok (2 images, " in result.out
    (folder / "ann").mkdir()
    (folder / "a.json").rename(folder / "ann/train.json")
    assert "train: ok (2 images" in cli("data", "check", "ann", "--images", "shapes").out


def test_a_category_that_is_no_class_is_none_with_a_folder_of_images_too(cli, folder):
    write_shape_dataset("shapes", num_images=2, size=16)
    file = folder / "shapes/instances.json"
    document = json.loads(file.read_text())
    for one in document["categories"]:
        one["supercategory"] = "shape"
    document["categories"].insert(0, {"id": 0, "name": "shape", "supercategory": "none"})
    (folder / "_annotations.coco.json").write_text(json.dumps(document))
    file.unlink()
    result = cli("data", "check", "_annotations.coco.json", "--images", "shapes/images")
    assert result.out.endswith("objects of 3 classes)\n")


def test_a_file_that_is_no_json_is_told_as_one(cli, folder):
    write_shape_dataset("shapes", num_images=2, size=16)
    (folder / "a.json").write_text('{"images": [')
    (folder / "b.json").write_text('{"images": [], "classes": []}')
    for more in ([], ["--images", "shapes"]):
        assert "a.json: it is no JSON" in cli("data", "check", "a.json", *more).err
        assert "(there are: the keys images, classes)" in cli("data", "check", "b.json", *more).err
