"""An inspection opens every picture and survives whatever is in it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from composer.data import (
    Annotation,
    Dataset,
    Metadata,
    Record,
    count_faults,
    inspect_dataset,
    write_shape_dataset,
)
from composer.data.readers.coco import coco
from composer.data.readers.coco_panoptic import coco_panoptic
from composer.data.readers.image_folder import image_folder


@pytest.fixture
def files(tmp_path):
    return write_shape_dataset(tmp_path / "shapes", num_images=4, size=(40, 50), panoptic=True)


def read(files):
    return coco(annotations=files.annotations, images=files.images)


def read_panoptic(files):
    return coco_panoptic(
        annotations=files.panoptic, images=files.images, panoptic=files.panoptic_images
    )


def found(dataset, **options):
    return count_faults(inspect_dataset(dataset, **options))


def truncate(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def test_boxes_in_fractions_of_the_image_are_noticed(files):
    document = json.loads(files.annotations.read_text())
    for annotation in document["annotations"]:
        x, y, width, height = annotation["bbox"]
        annotation["bbox"] = [x / 50, y / 40, width / 50, height / 40]
        del annotation["segmentation"]
    files.annotations.write_text(json.dumps(document))
    assert found(read(files)) == {"box_scale": 1}


@pytest.mark.parametrize("quick", [False, True])
def test_good_datasets_have_no_faults(files, quick):
    assert found(read(files), quick=quick) == {}
    assert found(read_panoptic(files), quick=quick) == {}


def test_each_kind_of_bad_picture_is_reported(files):
    dataset = read(files)
    truncate(files.images / "0001.png")
    (files.images / "0002.png").write_text("no picture")
    Image.new("RGB", (50, 41)).save(files.images / "0003.png")
    (files.images / "0004.png").unlink()
    faults = inspect_dataset(dataset)
    assert [(fault.kind, fault.image) for fault in faults] == [
        ("truncated_image", "0001.png"),
        ("unreadable_image", "0002.png"),
        ("size_differs", "0003.png"),
        ("missing_file", "0004.png"),
    ]
    assert faults[2].message == (
        "the image is 50 x 41 (width x height), its annotations are for 50 x 40"
    )


def test_a_truncated_jpeg_is_reported(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    dataset = image_folder(images=tmp_path)
    truncate(tmp_path / "a.jpg")
    assert found(dataset) == {"truncated_image": 1}
    assert found(dataset, quick=True) == {}


def test_an_empty_file_is_reported(tmp_path):
    (tmp_path / "a.jpg").touch()
    (fault,) = inspect_dataset(image_folder(images=tmp_path))
    assert (fault.kind, fault.message) == ("unreadable_image", "it is empty")


def test_an_image_that_a_camera_turned_is_reported(files):
    picture = Image.open(files.images / "0001.png")
    exif = picture.getexif()
    exif[274] = 6
    picture.save(files.images / "0001.png", exif=exif)
    for quick in (False, True):
        (fault,) = inspect_dataset(read(files), quick=quick)
        assert fault.kind == "size_differs"
        assert fault.message.endswith(
            "its annotations are for 50 x 40, which is the image on its side"
        )


def test_boxes_are_compared_with_the_image_where_the_dataset_has_no_size(files):
    record = Record(
        files.images / "0001.png", 1, annotations=(Annotation((1, 2, 70, 5), 0, annotation_id=9),)
    )
    (fault,) = inspect_dataset(Dataset("one", (record,), Metadata(thing_classes=("a",))))
    assert (fault.kind, fault.annotation) == ("box_outside", 9)


def test_faults_of_the_reader_come_first(files):
    document = json.loads(files.annotations.read_text())
    document["annotations"][0]["bbox"] = [1, 1, 0, 0]
    document["images"].append({**document["images"][0], "id": 77})
    files.annotations.write_text(json.dumps(document))
    truncate(files.images / "0002.png")
    faults = inspect_dataset(read(files))
    assert [fault.kind for fault in faults] == [
        "box_degenerate",
        "duplicate_id",
        "truncated_image",
    ]
    assert str(faults[1]) == "0001.png: 2 images have this file"


def test_segments_that_are_drawn_but_not_described_are_reported(files):
    document = json.loads(files.panoptic.read_text())
    document["annotations"][0]["segments_info"].pop()
    files.panoptic.write_text(json.dumps(document))
    Image.new("RGB", (50, 40)).save(files.panoptic_images / "0002.png")
    Image.new("RGB", (5, 4)).save(files.panoptic_images / "0003.png")
    dataset = replace(read_panoptic(files), faults=())
    faults = inspect_dataset(dataset)
    assert [(fault.kind, fault.image) for fault in faults] == [
        ("unknown_segment", "0001.png"),
        ("unknown_segment", "0002.png"),
        ("size_differs", "0003.png"),
        ("unknown_segment", "0003.png"),
    ]
    assert "has the ids 70000, which nothing describes" in faults[0].message
    assert "have no pixel in 0002.png" in faults[1].message


def test_values_that_are_no_classes_are_reported(files, tmp_path):
    labels = np.zeros((40, 50), dtype=np.uint8)
    labels[0] = 255
    labels[1, :2] = (7, 9)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    record = replace(read(files)[0], sem_seg_file=tmp_path / "labels.png")
    metadata = Metadata(stuff_classes=("a", "b"))
    (fault,) = inspect_dataset(Dataset("one", (record,), metadata))
    assert fault.kind == "unknown_category"
    assert "has the values 7, 9, which are no classes" in fault.message


def test_progress_counts_images(files):
    seen = []
    inspect_dataset(read(files), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
