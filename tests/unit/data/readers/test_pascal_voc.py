"""Pascal VOC: XML files, and pictures of classes."""

import pytest
from PIL import Image

from composer.data import count_faults
from composer.data.readers.pascal_voc import CLASSES, pascal_voc
from composer.errors import DataError

XML = """<annotation>
  <!-- made by hand -->
  <filename>a.jpg</filename>
  <size><width>30</width><height>20</height><depth>3</depth></size>
  <object>
    <name>dog</name><difficult>0</difficult>
    <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>20</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></part>
  </object>
  <object>
    <name>person</name><difficult>1</difficult>
    <bndbox><xmin>5.5</xmin><ymin>6</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>
  </object>
</annotation>
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("Annotations", "ImageSets/Main", "ImageSets/Segmentation", "JPEGImages"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "SegmentationClass").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (30, 20)).save(tmp_path / "JPEGImages" / f"{name}.jpg")
        (tmp_path / "Annotations" / f"{name}.xml").write_text(XML)
    Image.new("P", (30, 20)).save(tmp_path / "SegmentationClass/a.png")
    (tmp_path / "ImageSets/Main/trainval.txt").write_text("a\nb\n")
    (tmp_path / "ImageSets/Segmentation/trainval.txt").write_text("a\n")
    return tmp_path


def test_boxes_are_counted_from_zero_with_their_ends_outside(folder):
    dataset = pascal_voc(folder=folder)
    assert not dataset.faults
    assert [record.image_id for record in dataset] == ["a", "b"]
    dog, person = dataset[0].annotations
    assert dog.box == (0, 1, 10, 20)
    assert CLASSES[dog.category] == "dog"
    assert not dog.is_difficult
    assert person.box == (4.5, 5, 9, 9)
    assert person.is_difficult
    assert (dataset[0].height, dataset[0].width) == (20, 30)


@pytest.mark.parametrize(
    ("text", "is_difficult", "num_faults"),
    [("1", True, 0), ("true", True, 0), ("", False, 0), ("2", False, 1), ("Unspecified", False, 1)],
)
def test_a_flag_that_is_none_is_told(folder, text, is_difficult, num_faults):
    changed = XML.replace("<difficult>1<", f"<difficult>{text}<")
    (folder / "Annotations/a.xml").write_text(changed)
    dataset = pascal_voc(folder=folder)
    assert dataset[0].annotations[1].is_difficult is is_difficult
    assert count_faults(dataset.faults) == ({"malformed": 1} if num_faults else {})


def test_a_missing_image_is_named(folder):
    (folder / "JPEGImages/a.jpg").unlink()
    (fault,) = pascal_voc(folder=folder).faults
    assert (fault.kind, fault.image) == ("missing_file", "a.xml")
    assert fault.message.startswith("image 'a.jpg': there is no such file in ")


def test_namespaces_of_documents_are_passed_over(folder):
    changed = XML.replace("<annotation>", '<annotation xmlns="http://a.example">')
    (folder / "Annotations/a.xml").write_text(changed)
    dataset = pascal_voc(folder=folder)
    assert not dataset.faults
    assert dataset[0].annotations == pascal_voc(folder=folder)[1].annotations


def test_classes_can_be_ones_own(folder):
    dataset = pascal_voc(folder=folder, classes=("person", "dog"))
    assert [a.category for a in dataset[0].annotations] == [1, 0]


def test_pixels_have_classes_where_they_are_wanted(folder):
    dataset = pascal_voc(folder=folder, semantic=True)
    assert [record.sem_seg_file.name for record in dataset] == ["a.png"]
    assert dataset.metadata.stuff_classes == ("background", *CLASSES)
    assert dataset.metadata.sem_seg_of_things[0] == 1


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("unknown_category", "<name>dog</name>", "<name>wolf</name>"),
        ("malformed", "<xmin>1</xmin>", ""),
        ("malformed", "<xmin>1</xmin>", "<xmin>left</xmin>"),
        ("box_degenerate", "<xmax>10</xmax>", "<xmax>0</xmax>"),
    ],
)
def test_an_object_that_cannot_be_used_is_left_out(folder, kind, old, new):
    (folder / "Annotations/a.xml").write_text(XML.replace(old, new, 1))
    dataset = pascal_voc(folder=folder, classes=CLASSES)
    assert count_faults(dataset.faults) == {kind: 1}
    assert len(dataset[0].annotations) == 1


def test_a_box_beyond_the_image_is_reported_and_kept(folder):
    (folder / "Annotations/a.xml").write_text(XML.replace("<xmax>10</xmax>", "<xmax>50</xmax>"))
    dataset = pascal_voc(folder=folder)
    assert count_faults(dataset.faults) == {"box_outside": 1}
    assert len(dataset[0].annotations) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation>", "not XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>', "document type"),
        (b"<a>\xff\xfe</a>", "not UTF-8"),
    ],
)
def test_xml_that_cannot_be_trusted_is_reported(folder, content, message):
    file = folder / "Annotations/a.xml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    (fault,) = pascal_voc(folder=folder).faults
    assert fault.kind == "malformed"
    assert message in fault.message


def test_a_rotated_box_is_named_as_one(folder):
    text = XML.replace("bndbox>", "robndbox>", 2)
    (folder / "Annotations/a.xml").write_text(text)
    (fault,) = pascal_voc(folder=folder, classes=CLASSES).faults
    assert "'robndbox' is a rotated box" in fault.message


@pytest.mark.parametrize("name", ["JPEGImages/a.jpg", "Annotations/a.xml"])
def test_an_image_with_a_missing_file_is_left_out(folder, name):
    (folder / name).unlink()
    dataset = pascal_voc(folder=folder)
    assert count_faults(dataset.faults) == {"missing_file": 1}
    assert [record.image_id for record in dataset] == ["b"]


def test_a_split_that_is_not_there_is_refused(folder):
    with pytest.raises(DataError, match=r"test\.txt: the list of images cannot be read"):
        pascal_voc(folder=folder, split="test")


def test_the_lists_that_exist_are_named(folder):
    (folder / "ImageSets/Main/val.txt").write_text("b\n")
    (folder / "ImageSets/Main/dog_val.txt").write_text("b -1\n")
    with pytest.raises(DataError, match=r"there are: trainval, val$"):
        pascal_voc(folder=folder, split="test")
    assert [record.image_id for record in pascal_voc(folder=folder, split="val")] == ["b"]
    assert len(pascal_voc(folder=folder)) == 2


def test_classes_of_ones_own_are_found_in_all_documents(folder):
    (folder / "ImageSets/Main/val.txt").write_text("b\n")
    (folder / "Annotations/a.xml").write_text(XML.replace("dog", "wolf"))
    for split in ("trainval", "val"):
        dataset = pascal_voc(folder=folder, split=split)
        assert dataset.metadata.thing_classes == ("dog", "person", "wolf")


def test_an_image_has_any_ending_and_the_name_in_the_document(folder):
    (folder / "JPEGImages/a.jpg").rename(folder / "JPEGImages/other name.png")
    (folder / "JPEGImages/b.jpg").rename(folder / "JPEGImages/b.PNG")
    named = XML.replace("<filename>a.jpg", "<filename>other name.png")
    (folder / "Annotations/a.xml").write_text(named)
    (folder / "Annotations/b.xml").write_text(XML.replace("<filename>a.jpg</filename>", ""))
    dataset = pascal_voc(folder=folder)
    assert [record.file_name.name for record in dataset] == ["other name.png", "b.PNG"]
    assert not dataset.faults


def test_folders_have_other_names_and_no_lists(tmp_path):
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        Image.new("RGB", (30, 20)).save(tmp_path / split / "a.png")
        (tmp_path / split / "a.xml").write_text(XML.replace("a.jpg", "a.png"))
    dataset = pascal_voc(folder=tmp_path, split="val")
    assert [record.file_name for record in dataset] == [tmp_path / "valid/a.png"]
    assert dataset.metadata.thing_classes == ("dog", "person")
    assert [record.image_id for record in pascal_voc(folder=tmp_path)] == ["train/a", "valid/a"]


def test_an_image_that_a_list_has_twice_is_read_once_and_told(folder):
    (folder / "ImageSets/Main/trainval.txt").write_text("a\nb\na\n")
    dataset = pascal_voc(folder=folder)
    assert [len(record.annotations) for record in dataset] == [2, 2]
    assert count_faults(dataset.faults) == {"duplicate_id": 1}
