"""Cityscapes: objects are cut out of pictures of instance ids."""

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from composer.data import count_faults
from composer.data.cityscapes_classes import CLASSES, THINGS
from composer.data.readers.cityscapes import cityscapes
from composer.errors import DataError


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / "leftImg8bit/train/ulm"
    labels = tmp_path / "gtFine/train/ulm"
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    ids = np.full((8, 12), 7, dtype=np.uint16)
    ids[1:5, 2:6] = 26001  # a car
    ids[5:8, 0:2] = 24000  # a person
    ids[0, 6:12] = 26  # a group of cars
    ids[7, 6:12] = 1  # the own car, which is no class
    for number in ("0", "1"):
        stem = f"ulm_000000_{number}"
        Image.new("RGB", (12, 8)).save(images / f"{stem}_leftImg8bit.png")
        Image.fromarray(ids).save(labels / f"{stem}_gtFine_instanceIds.png")
        Image.new("L", (12, 8)).save(labels / f"{stem}_gtFine_labelTrainIds.png")
    return tmp_path


def test_objects_are_cut_out_and_groups_are_crowds(folder):
    dataset = cityscapes(folder=folder)
    assert not dataset.faults
    assert [record.image_id for record in dataset] == ["ulm_000000_0", "ulm_000000_1"]
    found = {THINGS[a.category] + "s" * a.is_crowd: a for a in dataset[0].annotations}
    assert sorted(found) == ["car", "cars", "person"]
    assert found["car"].box == (2, 1, 6, 5)
    assert found["car"].area == 16
    assert coco_mask.decode(found["car"].segmentation)[1:5, 2:6].all()
    assert found["person"].box == (0, 5, 2, 8)
    assert (dataset[0].height, dataset[0].width) == (8, 12)


def test_pixels_have_training_ids_where_they_are_wanted(folder):
    dataset = cityscapes(folder=folder, instances=False, semantic=True)
    assert dataset.num_annotations == 0
    assert dataset[0].sem_seg_file.name == "ulm_000000_0_gtFine_labelTrainIds.png"
    metadata = dataset.metadata
    assert metadata.stuff_classes == tuple(CLASSES)
    assert [metadata.stuff_classes[index] for index in metadata.sem_seg_of_things] == list(THINGS)


@pytest.mark.parametrize("name", ["instanceIds", "labelTrainIds"])
def test_an_image_with_a_missing_picture_is_left_out(folder, name):
    (folder / f"gtFine/train/ulm/ulm_000000_1_gtFine_{name}.png").unlink()
    dataset = cityscapes(folder=folder, semantic=True)
    assert count_faults(dataset.faults) == {"missing_file": 1}
    assert len(dataset) == 1


def test_a_picture_with_colors_is_no_picture_of_labels(folder):
    file = folder / "gtFine/train/ulm/ulm_000000_1_gtFine_instanceIds.png"
    Image.new("RGB", (12, 8)).save(file)
    (fault,) = cityscapes(folder=folder).faults
    assert "labels are one channel, not 3" in fault.message


def test_a_split_without_images_is_refused(folder):
    with pytest.raises(DataError, match="no folders of images"):
        cityscapes(folder=folder, split="val")
