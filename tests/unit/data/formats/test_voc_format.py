"""Folders of Pascal VOC's XML files."""

import pytest

from composer.data import find_data, read_data_file
from composer.data.formats import recognise
from composer.errors import DataError

XML = """<annotation><filename>{}.png</filename><size><width>40</width><height>20</height></size>
<object><name>{}</name><bndbox><xmin>5</xmin><ymin>4</ymin><xmax>24</xmax><ymax>13</ymax></bndbox>
</object></annotation>"""


def write(folder, images, annotations, **labels):
    for name, label in labels.items():
        folder.draw(f"{images}/{name}.png")
        folder.write(f"{annotations}/{name}.xml", XML.format(name, label))


def open_all(path):
    return {n: d.open(n) for n, d in read_data_file(find_data(path)).datasets.items()}


@pytest.mark.parametrize(
    ("images", "annotations"),
    [
        ("JPEGImages", "Annotations"),
        ("images", "annotations"),
        (".", "."),
        ("img", "xml"),
        ("images/batch 1", "labels/batch 1"),
    ],
)
def test_folders_without_lists_are_one_dataset(folder, images, annotations):
    write(folder, images, annotations, a="cat", b="dog")
    found = recognise(folder.path)
    assert found.reader == "pascal_voc"
    assert found.evidence.endswith("one of 2 XML files, no lists of images")
    (dataset,) = open_all(folder.path).values()
    assert not dataset.faults
    assert [record.annotations[0].box for record in dataset] == [(4, 3, 24, 13)] * 2
    assert dataset.metadata.thing_classes == ("cat", "dog")


def test_lists_are_splits(folder):
    write(folder, "JPEGImages", "Annotations", a="cat", b="dog")
    for split, names in (("train", "a\n"), ("val", "b\n"), ("trainval", "a\nb\n")):
        folder.write(f"ImageSets/Main/{split}.txt", names)
    folder.write("ImageSets/Main/cat_train.txt", "a 1\n")
    found = recognise(folder.path)
    assert found.splits == ("train", "val")
    assert "lists: train, trainval, val" in found.evidence
    opened = open_all(folder.path)
    assert {name: len(dataset) for name, dataset in opened.items()} == {"train": 1, "val": 1}
    assert all(len(one.metadata.thing_classes) == 20 for one in opened.values())


def test_a_year_is_found_in_its_kit(folder):
    write(folder, "VOCdevkit/VOC2007/JPEGImages", "VOCdevkit/VOC2007/Annotations", a="cat")
    folder.write("VOCdevkit/VOC2007/ImageSets/Main/trainval.txt", "a\n")
    (dataset,) = open_all(folder.path).values()
    assert len(dataset) == 1


def test_folders_of_splits_have_the_same_classes(folder):
    write(folder, "train", "train", a="cat")
    write(folder, "valid", "valid", a="dog")
    opened = open_all(folder.path)
    assert list(opened) == ["train", "val"]
    for split, dataset in opened.items():
        assert dataset.metadata.thing_classes == ("cat", "dog")
        assert dataset[0].file_name.parent.name == {"val": "valid"}.get(split, split)


def test_the_folder_of_annotations_names_the_one_above(folder):
    write(folder, "JPEGImages", "Annotations", a="cat")
    with pytest.raises(DataError, match=r"the folder above has annotations; name it.*Pascal VOC"):
        recognise(folder / "Annotations")


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "utf-16"])
def test_documents_are_recognised_in_the_encoding_that_they_declare(folder, encoding):
    named = XML.format("a", "käfer")
    folder.draw("a.png")
    text = f'<?xml version="1.0" encoding="{encoding}"?>{named}'
    (folder / "a.xml").write_bytes(text.encode(encoding))
    assert recognise(folder.path).reader == "pascal_voc"
    (dataset,) = open_all(folder.path).values()
    assert "käfer" in dataset.metadata.thing_classes


@pytest.mark.parametrize("suffix", ["xml", "csv", "json", "tsv"])
def test_texts_in_an_encoding_that_is_not_said_are_told(folder, suffix):
    folder.draw("a.png")
    for name in "abcdef":
        (folder / f"{name}.{suffix}").write_bytes("<annotation>käfer".encode("latin-1"))
    found = recognise(folder.path)
    assert found.reader == "image_folder"
    assert len(found.unread) == 6
    assert found.notes[0].startswith(f"a.{suffix}: it is not UTF-8 text")
    assert len(found.notes) == 3
