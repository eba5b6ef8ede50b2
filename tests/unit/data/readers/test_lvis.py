"""LVIS: file names in URLs, classes by frequency, and what is known not to be there."""

import json

import pytest
from PIL import Image

from composer.data.readers.lvis import lvis

CATEGORIES = [
    {"id": 9, "name": "zebra", "frequency": "r", "image_count": 4},
    {"id": 2, "name": "apple", "frequency": "f", "image_count": 950},
    {"id": 5, "name": "mug", "frequency": "c", "image_count": 60},
]
BOX = {"bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 4, 2, 4, 6]], "area": 6}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "val2017").mkdir()
    for name in ("01", "02"):
        Image.new("RGB", (10, 8)).save(tmp_path / "val2017" / f"{name}.jpg")
    images = [
        {
            "id": number,
            "coco_url": f"http://images.example/val2017/{number:02}.jpg",
            "height": 8,
            "width": 10,
            "neg_category_ids": [9, 77],
            "not_exhaustive_category_ids": [5],
        }
        for number in (1, 2)
    ]
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 5, **BOX},
        {"id": 2, "image_id": 2, "category_id": 2, **BOX},
        {"id": 3, "image_id": 2, "category_id": 2, **BOX},
    ]
    document = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    (tmp_path / "lvis.json").write_text(json.dumps(document))
    return tmp_path


def test_categories_know_how_frequent_they_are(folder):
    metadata = lvis(annotations=folder / "lvis.json", images=folder).metadata
    assert metadata.thing_classes == ("apple", "mug", "zebra")
    assert metadata.image_counts == (950, 60, 4)
    assert metadata.frequencies == ("f", "c", "r")


def test_counts_and_frequencies_that_are_none_are_told(folder):
    file = folder / "lvis.json"
    document = json.loads(file.read_text())
    document["categories"][1].update(image_count=float("nan"), frequency=3)
    file.write_text(json.dumps(document))
    dataset = lvis(annotations=file, images=folder)
    assert [fault.message for fault in dataset.faults] == [
        "'image_count' is a whole number from 0, not nan; the images of the file count",
        "'frequency' is 'r', 'c' or 'f', not 3; the images of the file count",
    ]
    assert dataset.metadata.image_counts == (1, 60, 4)
    assert dataset.metadata.frequencies == ("r", "c", "r")


def test_frequencies_are_counted_where_the_file_does_not_say_them(folder):
    file = folder / "lvis.json"
    document = json.loads(file.read_text())
    document["categories"] = [{"id": c["id"], "name": c["name"]} for c in document["categories"]]
    file.write_text(json.dumps(document))
    metadata = lvis(annotations=file, images=folder).metadata
    assert metadata.image_counts == (1, 1, 0)
    assert metadata.frequencies == ("r", "r", "r")


def test_what_is_of_the_wrong_form_is_left_out(folder):
    file = folder / "lvis.json"
    document = json.loads(file.read_text())
    document["images"][0]["neg_category_ids"] = [[9], 9]
    document["categories"][0]["image_count"] = "many"
    document["annotations"][0]["image_id"] = [1]
    file.write_text(json.dumps(document))
    dataset = lvis(annotations=file, images=folder)
    assert [fault.kind for fault in dataset.faults] == ["malformed"] * 3
    assert dataset[0].extra["neg_categories"] == (2,)
    assert dataset.metadata.image_counts == (950, 60, 0)


@pytest.mark.parametrize("images", [".", "val2017"])
def test_images_are_found_by_the_end_of_their_url(folder, images):
    dataset = lvis(annotations=folder / "lvis.json", images=folder / images)
    assert not dataset.faults
    assert [record.file_name.name for record in dataset] == ["01.jpg", "02.jpg"]
    assert [len(record.annotations) for record in dataset] == [1, 2]


def test_an_image_knows_what_is_not_there(folder):
    record = lvis(annotations=folder / "lvis.json", images=folder)[0]
    assert record.extra == {"neg_categories": (2,), "not_exhaustive_categories": (1,)}


def test_a_missing_file_is_reported_by_its_name(folder):
    (folder / "val2017" / "02.jpg").unlink()
    (fault,) = lvis(annotations=folder / "lvis.json", images=folder).faults
    assert (fault.kind, fault.image) == ("missing_file", "02.jpg")
