"""CreateML's JSON, KITTI's labels, and texts that are of no format."""

import json
import re

import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.createml import createml
from composer.data.readers.kitti import kitti
from composer.errors import DataError


def open_all(path):
    return {n: d.open(n) for n, d in read_data_file(find_data(path)).datasets.items()}


def test_boxes_of_createml_have_their_centres(folder):
    coordinates = {"x": 14, "y": 8, "width": 20, "height": 10}
    entry = {"image": "a.png", "annotations": [{"label": "cat", "coordinates": coordinates}]}
    folder.draw("a.png").write("_annotations.createml.json", json.dumps([entry]))
    assert recognise(folder.path).reader == "createml"
    (dataset,) = open_all(folder.path).values()
    assert dataset[0].annotations[0].box == (4, 3, 24, 13)
    assert dataset.metadata.thing_classes == ("cat",)
    wrong = {"label": "cat", "coordinates": {**coordinates, "x": None}}
    file = folder.write("b.json", json.dumps([{**entry, "annotations": [wrong]}]))
    assert count_faults(createml(annotations=file).faults) == {"malformed": 1}


@pytest.mark.parametrize("label", [{}, {"label": None}, {"label": " "}, {"label": ["cat"]}])
def test_a_box_of_createml_without_a_class_is_of_none(folder, label):
    coordinates = {"x": 14, "y": 8, "width": 20, "height": 10}
    boxes = [{"coordinates": coordinates, **one} for one in (label, {"label": 7})]
    folder.draw("a.png")
    file = folder.write("b.json", json.dumps([{"image": "a.png", "annotations": boxes}]))
    for dataset in (createml(annotations=file), *open_all(folder.path).values()):
        assert count_faults(dataset.faults) == {"unknown_category": 1}
        assert dataset.metadata.thing_classes == ("7",)
        assert dataset.num_annotations == 1


LINE = "Car 0.00 0 1.85 4.00 3.00 24.00 13.00 1.6 1.5 3.6 1.0 2.0 3.0 0.5\n"


def test_boxes_of_kitti_are_the_fifth_to_eighth_values(folder):
    dont_care = LINE.replace("Car", "DontCare")
    folder.draw("training/image_2/000000.png")
    folder.write("training/label_2/000000.txt", LINE + dont_care)
    assert recognise(folder.path).reader == "kitti"
    (dataset,) = open_all(folder.path).values()
    assert [a.box for a in dataset[0].annotations] == [(4, 3, 24, 13)]
    assert dataset.metadata.thing_classes == ("Car",)
    folder.write("training/label_2/000000.txt", LINE + "Car 1 2\n")
    root = folder / "training"
    faults = kitti(labels=root / "label_2", images=root / "image_2").faults
    assert count_faults(faults) == {"malformed": 1}


def test_texts_that_are_not_read_are_told(folder):
    folder.draw("seq/img1/000001.png").write("seq/gt/gt.txt", "cat at 10, 20\n")
    folder.write("README.txt", "some words")
    assert recognise(folder.path).unread == ("seq/gt/gt.txt",)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("train.tfrecord", "Convert it with TensorFlow"),
        ("train.tfrecord-00000-of-00002", "Convert it with TensorFlow"),
    ],
)
def test_known_formats_that_are_not_read_say_what_to_convert_them_with(folder, name, told):
    folder.write(f"data/{name}", "x")
    for path in (folder / "data", folder / "data" / name):
        with pytest.raises(DataError, match=told):
            recognise(path)
    folder.draw("a.png")
    if "-of-" not in name:
        found = recognise(folder.path)
        assert told in found.notes[0]
        assert found.unread == (f"data/{name}",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"images": "Käfer"}'.encode("latin-1"), "it is not UTF-8 text (byte 13, in line 1)"),
        (b'{"images": [1, 2}', "it is no JSON: Expecting ',' delimiter: line 1 column 17"),
    ],
)
def test_a_file_that_is_called_json_and_is_none_is_told_with_its_reason(folder, content, told):
    folder.draw("a.png")
    (folder.path / "annotations.json").write_bytes(content)
    (note,) = recognise(folder.path).notes
    assert note.startswith(f"annotations.json: {told}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("split/bbx_gt.txt", "0--Parade/a.png\n1\n5 5 20 20 0 0\n"),
        ("boxes.txt", "a.png 5 5 20 20 cat\n"),
        ("a.geojson", "{}"),
        ("digitStruct.mat", "MATLAB"),
        ("labels.pkl", "pickle"),
        ("truth.npz", "numpy"),
        ("annotations.zip", "PK"),
    ],
)
def test_further_files_of_annotations_are_told(folder, name, text):
    folder.draw("a.png").write(name, text)
    found = recognise(folder.path)
    assert (found.reader, found.unread) == ("image_folder", (name,))
    told = "is an archive: unpack it" if name.endswith(".zip") else "annotations of other formats"
    assert told in found.notes[-1]


OF_TOOLS = {
    "Supervisely": ("ds0/ann/a.png.json", {"size": {"height": 9}, "tags": [], "objects": []}),
    "Datumaro": ("annotations/default.json", {"info": {}, "categories": {}, "items": []}),
    "V7 Darwin": ("a.json", {"version": "2.0", "item": {"name": "a.png"}, "annotations": []}),
    "Scalabel (BDD100K)": ("a.json", [{"name": "a.png", "timestamp": 1, "labels": []}]),
}


@pytest.mark.parametrize("tool", OF_TOOLS)
def test_tools_whose_files_are_not_read_are_named_with_a_way_out(folder, tool):
    name, document = OF_TOOLS[tool]
    folder.draw("a.png").write(name, json.dumps(document))
    found = recognise(folder.path)
    assert found.unread == (name,)
    told = f"as {tool} writes them, which is not read: export the annotations from there as COCO"
    assert [told in note for note in found.notes] == [True]
    with pytest.raises(DataError, match=re.escape(told)):
        recognise(folder.path / name)


def test_a_list_of_images_is_no_annotation(folder):
    folder.draw("a.png").write("train.txt", "images/a.png\n")
    folder.write("README.txt", "Some photos.")
    assert recognise(folder.path).unread == ()


def test_label_images_beside_images_are_told(folder):
    folder.draw("images/a.png").draw("masks/a.png")
    found = recognise(folder.path)
    assert found.unread == ("masks/a.png",)
    assert "masks/a.png and others have the names of images, as label images have" in found.notes[0]


def test_lines_of_hugging_face_are_called_metadata(folder):
    folder.draw("a.png").write("d.jsonl", json.dumps({"file_name": "a.png"}))
    assert recognise(folder.path).notes == (
        "d.jsonl: Hugging Face's file of images is called metadata.jsonl",
    )
