"""Readers on real photographs, where they are."""

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from composer.data.readers.coco import coco
from composer.data.readers.coco_panoptic import coco_panoptic

DATA = Path(__file__).parents[5] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the photographs of ../shared/data")


def read_coco(name, file, images):
    return coco(annotations=DATA / name / file, images=DATA / name / images)


@pytest.mark.parametrize(
    ("name", "file", "images", "num_images", "num_annotations"),
    [
        ("pedestrians", "instances.json", "images", 120, 296),
        ("coco_tiny", "annotations/instances_train2017.json", "train2017", 50, 470),
        ("coco_panoptic", "annotations/instances_train2017.json", "train2017", 100, 746),
    ],
)
def test_nothing_is_wrong_and_nothing_is_lost(name, file, images, num_images, num_annotations):
    dataset = read_coco(name, file, images)
    assert not dataset.faults
    assert (len(dataset), dataset.num_annotations) == (num_images, num_annotations)


def test_people_have_seventeen_keypoints_and_eight_pairs():
    dataset = read_coco("coco_tiny", "annotations/person_keypoints_train2017.json", "train2017")
    assert not dataset.faults
    assert len(dataset.metadata.keypoint_names) == 17
    assert len(dataset.metadata.keypoint_flip_pairs) == 8
    assert len(dataset.with_keypoints(1)) == 25


def test_objects_cut_out_of_segments_are_those_of_the_instances():
    root = DATA / "coco_panoptic"
    dataset = coco_panoptic(
        annotations=root / "annotations" / "panoptic_train2017.json",
        images=root / "train2017",
        panoptic=root / "panoptic_train2017",
    )
    truth = read_coco("coco_panoptic", "annotations/instances_train2017.json", "train2017")
    assert not dataset.faults
    assert dataset.metadata.thing_classes == truth.metadata.thing_classes
    assert len(dataset.metadata.stuff_classes) == 54
    expected = {record.image_id: record for record in truth}
    for record in dataset.records[:20]:
        ours, theirs = (_masks(each.annotations) for each in (record, expected[record.image_id]))
        assert ours.keys() == theirs.keys()


def _masks(annotations):
    """The annotations by what they are and cover."""
    return {
        (a.category, a.is_crowd, np.packbits(coco_mask.decode(a.segmentation)).tobytes()): a
        for a in annotations
    }
