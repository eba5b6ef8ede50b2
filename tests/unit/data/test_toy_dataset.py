"""Drawings to try things with: the annotations say what is on them."""

import json

import numpy as np
import pytest
from PIL import Image

from composer.data import inspect_dataset
from composer.data.readers.coco import coco
from composer.data.readers.coco_panoptic import coco_panoptic
from composer.data.toy_dataset import COLORS, OWN_IDS, write_shape_dataset
from composer.errors import DataError


def test_drawings_have_no_fault_in_either_form(tmp_path):
    files = write_shape_dataset(tmp_path / "shapes", 5, (40, 60), panoptic=True, keypoints=True)
    instances = coco(annotations=files.annotations, images=files.images)
    panoptic = coco_panoptic(
        annotations=files.panoptic, images=files.images, panoptic=files.panoptic_images
    )
    for dataset in (instances, panoptic):
        assert len(dataset) == 5
        assert not inspect_dataset(dataset)


def test_colours_are_those_of_the_annotated_classes(tmp_path):
    files = write_shape_dataset(tmp_path / "shapes", 3)
    document = json.loads(files.annotations.read_text())
    for annotation in document["annotations"]:
        x, y, width, height = annotation["bbox"]
        picture = np.asarray(Image.open(files.images / f"{annotation['image_id']:04}.png"))
        middle = picture[int(y + height / 2), int(x + width / 2)].astype(int)
        color = COLORS[OWN_IDS.index(annotation["category_id"])]
        assert np.abs(middle - color).max() < 45


def test_the_same_seed_draws_the_same(tmp_path):
    texts = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        texts.append(write_shape_dataset(tmp_path / name, seed=seed).annotations.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_nothing_is_drawn_over(tmp_path):
    write_shape_dataset(tmp_path / "shapes")
    with pytest.raises(DataError, match="is there already"):
        write_shape_dataset(tmp_path / "shapes")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        write_shape_dataset(tmp_path / "file")
