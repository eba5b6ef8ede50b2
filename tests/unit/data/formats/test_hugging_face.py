"""Image folders of Hugging Face's `datasets`."""

import json

import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.hugging_face import hugging_face
from composer.errors import DataError

COLUMNS = {"bbox": [[4.0, 3.0, 20.0, 10.0], [1, 1, 5, 5]], "categories": [1, 0]}


def line(name, objects):
    return json.dumps({"file_name": name, "objects": objects}) + "\n"


def open_all(path):
    return {n: d.open(n) for n, d in read_data_file(find_data(path)).datasets.items()}


def test_boxes_are_those_of_coco(folder):
    folder.draw("a.png", "b.png")
    folder.write(
        "metadata.jsonl", line("a.png", COLUMNS) + line("b.png", {"bbox": [], "categories": []})
    )
    found = recognise(folder.path)
    assert (found.reader, found.evidence) == ("hugging_face", "metadata.jsonl with objects")
    (dataset,) = open_all(folder.path).values()
    assert [len(record.annotations) for record in dataset] == [2, 0]
    assert dataset[0].annotations[0].box == (4, 3, 24, 13)
    assert dataset.metadata.thing_classes == ("class 0", "class 1")
    assert count_faults(dataset.faults) == {"unnamed_category": 1}
    assert "--set '*.classes=[first, second]'" in dataset.faults[0].message
    named = hugging_face(folder=folder.path, classes=("cat", "dog"))
    assert named.metadata.thing_classes == ("cat", "dog")
    assert not named.faults
    corners = hugging_face(folder=folder.path, box_format="xyxy")
    assert corners[0].annotations[0].box == (4, 3, 20, 10)


def test_the_description_names_the_classes(folder):
    folder.draw("a.png").write("metadata.jsonl", line("a.png", COLUMNS))
    folder.write(
        "README.md",
        "---\ndataset_info:\n  features:\n  - name: objects\n    sequence:\n"
        "    - name: categories\n"
        "      dtype:\n        class_label:\n          names:\n            '0': cat\n"
        "            '1': dog\n---\n# Set\n",
    )
    dataset = hugging_face(folder=folder.path)
    assert dataset.metadata.thing_classes == ("cat", "dog")
    assert not dataset.faults


@pytest.mark.parametrize(
    "objects",
    [
        {"bbox": [[4, 3, 20, 10]], "category": ["cat"]},
        [{"bbox": [4, 3, 20, 10], "label": "cat"}],
    ],
)
def test_objects_are_columns_or_a_list(folder, objects):
    folder.draw("a.png").write("metadata.jsonl", line("a.png", objects))
    dataset = hugging_face(folder=folder.path)
    assert dataset.metadata.thing_classes == ("cat",)
    assert dataset[0].annotations[0].box == (4, 3, 24, 13)


def test_a_table_has_objects_in_a_cell(folder):
    folder.draw("a.png").write(
        "metadata.csv",
        "file_name,objects\na.png,\"{'bbox': [[4, 3, 20, 10]], 'categories': ['cat']}\"\n",
    )
    (dataset,) = open_all(folder.path).values()
    assert dataset[0].annotations[0].box == (4, 3, 24, 13)


@pytest.mark.parametrize("file", ["{split}/metadata.jsonl", "metadata.jsonl"])
def test_splits_are_folders(folder, file):
    lines = {}
    for split, label in (("train", "cat"), ("validation", "dog")):
        folder.draw(f"{split}/a.png")
        name = "a.png" if "{" in file else f"{split}/a.png"
        target = file.format(split=split)
        lines[target] = lines.get(target, "") + line(
            name, {"bbox": [[4, 3, 20, 10]], "categories": [label]}
        )
    for target, text in lines.items():
        folder.write(target, text)
    datasets = open_all(folder.path)
    assert {name: len(dataset) for name, dataset in datasets.items()} == {"train": 1, "val": 1}
    assert all(d.metadata.thing_classes == ("cat", "dog") for d in datasets.values())


@pytest.mark.parametrize(
    ("objects", "kind"),
    [
        ({"bbox": [[1, 1, 5]], "categories": ["cat"]}, "malformed"),
        ({"bbox": [[1, 1, 5, 5]]}, "unknown_category"),
        ({"bbox": [[1, 1, 0, 5]], "categories": ["cat"]}, "box_degenerate"),
    ],
)
def test_an_object_that_cannot_be_used_is_left_out(folder, objects, kind):
    folder.draw("a.png").write("metadata.jsonl", line("a.png", objects))
    dataset = hugging_face(folder=folder.path, classes=("cat",))
    assert count_faults(dataset.faults) == {kind: 1}
    assert dataset.num_annotations == 0


def test_descriptions_and_numbers_of_any_size_take_no_time(folder):
    objects = {"bbox": [[4, 3, 20, 10]], "categories": [999999999]}
    folder.draw("a.png").write("metadata.jsonl", line("a.png", objects))
    folder.write("README.md", "---\na: &a [*a, {b: *a}]\n---\n")
    dataset = hugging_face(folder=folder.path)
    assert len(dataset.metadata.thing_classes) == 10_000
    assert count_faults(dataset.faults) == {"unnamed_category": 1, "unknown_category": 1}


def test_a_category_of_floating_point_is_a_number(folder):
    folder.draw("a.png").write(
        "metadata.jsonl", line("a.png", {"bbox": [[4, 3, 20, 10]], "categories": [1.0]})
    )
    dataset = hugging_face(folder=folder.path)
    assert [a.category for a in dataset[0].annotations] == [1]
    assert dataset.metadata.thing_classes == ("class 0", "class 1")


def test_a_box_without_a_category_is_told(folder):
    objects = {"bbox": [[4, 3, 20, 10], [1, 1, 5, 5]], "category": ["cat"]}
    folder.draw("a.png").write("metadata.jsonl", line("a.png", objects))
    dataset = hugging_face(folder=folder.path)
    assert dataset.num_annotations == 1
    assert count_faults(dataset.faults) == {"unknown_category": 1}


def test_a_line_is_named_and_may_have_any_sign_in_a_text(folder):
    folder.draw("a.png")
    first = '{"file_name": "a.png", "text": "a\u2028b", "objects": {"bbox": [], "category": []}}\n'
    file = folder.write("metadata.jsonl", first)
    assert len(hugging_face(folder=folder.path)) == 1
    file.write_text(first + "{oops\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"metadata\.jsonl:2: it is not a JSON document a line"):
        hugging_face(folder=folder.path)
