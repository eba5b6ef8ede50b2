"""COCO's documents as tools write them, and where their images are."""

import json

import pytest

from composer.data import find_data, read_data_file
from composer.data.formats import recognise
from composer.data.formats.data_path import complete_json
from composer.errors import DataError


def document(*names, categories=({"id": 1, "name": "cat"},), category=1):
    images = [
        {"id": number, "file_name": name, "width": 40, "height": 20}
        for number, name in enumerate(names)
    ]
    annotations = [
        {"id": number, "image_id": number, "category_id": category, "bbox": [4, 3, 20, 10]}
        for number in range(len(names))
    ]
    return json.dumps(
        {"info": {}, "images": images, "annotations": annotations, "categories": list(categories)}
    )


def open_all(path):
    return {n: d.open(n) for n, d in read_data_file(find_data(path)).datasets.items()}


ROBOFLOW = (
    {"id": 0, "name": "pets", "supercategory": "none"},
    {"id": 1, "name": "cat", "supercategory": "pets"},
    {"id": 2, "name": "dog", "supercategory": "pets"},
)


def test_roboflow_has_a_document_a_split_and_a_category_that_is_no_class(folder):
    for split in ("train", "valid", "test"):
        folder.draw(f"{split}/a_jpg.rf.0b1c.png")
        text = document("a_jpg.rf.0b1c.png", categories=ROBOFLOW)
        folder.write(f"{split}/_annotations.coco.json", text)
    found = recognise(folder.path)
    assert (found.title, found.splits) == ("COCO, as Roboflow has it", ("train", "val", "test"))
    for dataset in open_all(folder.path).values():
        assert dataset.metadata.thing_classes == ("cat", "dog")
        assert not dataset.faults
        assert dataset[0].annotations[0].category == 0
    alone = open_all(folder / "valid/_annotations.coco.json")
    assert [one.metadata.thing_ids for one in alone.values()] == [(1, 2)]


@pytest.mark.parametrize("odd", [[1], {"id": 1}, None, "1"])
def test_an_odd_category_of_an_object_does_not_hide_a_document_of_roboflow(folder, odd):
    text = json.loads(document("a.png", "b.png", categories=ROBOFLOW))
    text["annotations"][1]["category_id"] = odd
    folder.draw("train/a.png", "train/b.png")
    folder.write("train/_annotations.coco.json", json.dumps(text))
    (dataset,) = open_all(folder.path).values()
    assert dataset.metadata.thing_classes == ("cat", "dog")
    assert [fault.kind for fault in dataset.faults] == ["unknown_category"]


def test_a_parent_category_that_objects_have_is_a_class(folder):
    folder.draw("train/a.png", "valid/a.png")
    folder.write("train/_annotations.coco.json", document("a.png", categories=ROBOFLOW))
    text = document("a.png", categories=ROBOFLOW, category=0)
    folder.write("valid/_annotations.coco.json", text)
    for dataset in open_all(folder.path).values():
        assert dataset.metadata.thing_classes == ("pets", "cat", "dog")


@pytest.mark.parametrize(
    "name",
    [
        "images/0a1b2c3d-a.png",
        "images\\0a1b2c3d-a.png",
        "../../label-studio/data/media/upload/1/0a1b2c3d-a.png",
        "/label-studio/data/images/0a1b2c3d-a.png",
    ],
)
@pytest.mark.parametrize("file", ["images/0a1b2c3d-a.png", "images/a.png"])
def test_label_studio_writes_paths_of_its_own_machine(folder, name, file):
    folder.draw(file).write("result.json", document(name))
    (dataset,) = open_all(folder.path).values()
    assert not dataset.faults
    assert dataset[0].file_name.resolve() == (folder / file).resolve()


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations/instances_{}2017.json", "{}2017/a.png"),
        ("{}.json", "images/{}/a.png"),
        ("{}/annotations.json", "{}/images/a.png"),
        ("annotations/{}.json", "images/a.png"),
    ],
)
def test_images_are_found_beside_the_documents(folder, annotations, images):
    for split in ("train", "val"):
        folder.draw(images.format(split)).write(annotations.format(split), document("a.png"))
        folder.write("annotations/captions_train2017.json", json.dumps({"annotations": []}))
    opened = open_all(folder.path)
    assert list(opened) == ["train", "val"]
    for split, dataset in opened.items():
        assert dataset[0].file_name == (folder / images.format(split)).resolve()


def test_images_that_are_not_found_are_asked_for(folder):
    folder.draw("b.png").write("coco.json", document("a.png"))
    with pytest.raises(DataError, match=r"images, such as a\.png, are not found; --images"):
        find_data(folder.path)


def test_results_are_no_annotations(folder):
    results = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 0.5}]
    folder.draw("a.png").write("results.json", json.dumps(results))
    assert recognise(folder.path).unread == ("results.json",)


@pytest.mark.parametrize("part", ["annotations", "images"])
def test_a_part_of_a_dataset_names_the_folder_above(folder, part):
    folder.draw("images/a.png").write("annotations/train.json", document("a.png"))
    if part == "images":
        (note,) = recognise(folder / "images").notes
    else:
        with pytest.raises(DataError) as caught:
            recognise(folder / "annotations")
        note = str(caught.value)
    assert f"name it: {folder.path} (COCO (reader coco)" in note


@pytest.mark.parametrize("length", range(5, 200, 7))
def test_the_beginning_of_a_document_is_read_as_far_as_it_goes(length):
    text = document("a.png", 'b",{[\\".png')
    whole = json.loads(text)
    begun = complete_json(text[:length])
    if begun:
        assert set(json.loads(begun)) <= set(whole)
