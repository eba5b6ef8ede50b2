"""`composer data show`."""

import os

import numpy as np
import pytest
from PIL import Image

from composer.data import write_shape_dataset

DATA = """
composer_data: 1
datasets:
  objects:
    uses: coco
    with: {annotations: shapes/instances.json, images: shapes/images}
  panoptic:
    uses: coco_panoptic
    with: {annotations: shapes/panoptic.json, images: shapes/images, panoptic: shapes/panoptic}
"""
EXPERIMENT = """
composer_experiment: 1
spec: mask_rcnn_r50_fpn
datasets: data.yaml
train:
  datasets: [objects]
  augmentations:
    - {uses: resize_shortest_edge, with: {shortest_edge: 20}}
    - {uses: random_flip, with: {probability: 1.0}}
training: {iterations: 1, optimizer: {lr: 0.1}}
"""


@pytest.fixture
def shapes(folder):
    (folder / "data.yaml").write_text(DATA)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    return write_shape_dataset(folder / "shapes", num_images=5, size=(40, 60), panoptic=True)


def drawn(folder):
    return sorted(file.name for file in folder.iterdir())


def pixels(file):
    with Image.open(file) as picture:
        return np.array(picture.convert("RGB"))


def test_images_of_each_dataset_are_drawn(cli, shapes, folder):
    result = cli("data", "show", "data.yaml", "-n", 2, "-o", "out")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "objects: 2 of 5 images drawn to out/objects",
        "panoptic: 2 of 5 images drawn to out/panoptic",
    ]
    assert len(drawn(folder / "out/objects")) == 2
    assert drawn(folder / "out/objects") == drawn(folder / "out/panoptic")


def test_the_same_seed_chooses_the_same_images(cli, shapes, folder):
    for seed, output in ((1, "a"), (1, "b"), (2, "c")):
        options = ("--dataset", "objects", "-n", 2, "--seed", seed, "-o", output)
        assert cli("data", "show", "data.yaml", *options).code == 0
    assert drawn(folder / "a/objects") == drawn(folder / "b/objects")
    assert drawn(folder / "a/objects") != drawn(folder / "c/objects")


def test_each_layer_is_another_picture(cli, shapes, folder):
    options = ("--dataset", "panoptic", "--image", "3")
    pictures = {}
    for layer in ("objects", "segments", "classes"):
        assert cli("data", "show", "data.yaml", *options, "--layer", layer, "-o", layer).code == 0
        assert drawn(folder / layer / "panoptic") == ["0003.png"]
        pictures[layer] = pixels(folder / layer / "panoptic/0003.png")
    assert pictures["objects"].shape == pictures["segments"].shape
    assert not np.array_equal(pictures["objects"], pictures["segments"])
    assert not np.array_equal(pictures["segments"], pictures["classes"])


def test_augmented_images_are_those_of_the_training(cli, shapes, folder):
    for number, options in enumerate(([], ["--augmented"], ["--augmented", "--layer", "segments"])):
        name = "panoptic" if "segments" in options else "objects"
        result = cli(
            *("data", "show", "experiment.yaml", "--dataset", name, "--image", "2"),
            *("-o", str(number), *options),
        )
        assert result.code == 0, result.err
    plain, augmented = (pixels(folder / number / "objects/0002.png") for number in "01")
    assert plain.shape != augmented.shape or not np.array_equal(plain, augmented)
    assert drawn(folder / "2/panoptic") == ["0002.png"]


def test_boxes_at_any_angle_are_drawn_where_the_training_has_them(cli, shapes, folder):
    text = (folder / "experiment.yaml").read_text()
    rotated = text.replace("train:\n", "train:\n  rotated_boxes: true\n")
    (folder / "rotated.yaml").write_text(rotated)
    for name in ("experiment", "rotated"):
        result = cli(
            "data", "show", f"{name}.yaml", "--augmented", "--dataset", "objects", "-o", name
        )
        assert result.code == 0, result.err
    pairs = [
        [pixels(folder / name / "objects" / file) for name in ("experiment", "rotated")]
        for file in drawn(folder / "rotated/objects")
    ]
    assert any(not np.array_equal(upright, turned) for upright, turned in pairs)


def test_augmentations_come_from_experiments_only(cli, shapes):
    result = cli("data", "show", "data.yaml", "--augmented")
    assert result.code == 1
    assert "augmentations are those of an experiment" in result.err


def test_a_layer_that_is_not_there_is_a_mistake(cli, shapes):
    result = cli("data", "show", "data.yaml", "--dataset", "objects", "--layer", "segments")
    assert result.code == 1
    assert "dataset 'objects' has no segments to draw" in result.err


def test_a_bad_image_is_left_out(cli, shapes, folder):
    (shapes.images / "0002.png").write_text("no picture")
    options = ("--dataset", "objects", "--image", "2", "--image", "4", "-o", "out")
    result = cli("data", "show", "data.yaml", *options)
    assert result.code == 0
    assert result.out == "objects: 1 of 5 images drawn to out/objects\n"
    assert "left out: shapes/images/0002.png: not an image" in result.err
    assert drawn(folder / "out/objects") == ["0004.png"]


def test_images_of_one_name_do_not_overwrite_each_other(cli, folder):
    for name in ("a", "b"):
        (folder / "many" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "many" / name / "same.png")
    result = cli("data", "show", "many", "-o", "out")
    assert result.code == 0
    assert drawn(folder / "out/many") == ["same-2.png", "same.png"]


def test_names_of_any_bytes_are_drawn(cli, folder):
    (folder / "photos").mkdir()
    Image.new("RGB", (48, 32)).save(folder / "photos" / os.fsdecode(b"caf\xe9.png"))
    (folder / "photos" / "broken.png").touch()
    result = cli("data", "show", "photos", "-o", "drawn")
    assert result.code == 0
    assert "photos: 1 of 2 images drawn" in result.out
    assert "broken.png: not an image: it is empty" in result.err
    assert [os.fsencode(file.name) for file in (folder / "drawn/photos").iterdir()] == [
        b"caf\xe9.png"
    ]
