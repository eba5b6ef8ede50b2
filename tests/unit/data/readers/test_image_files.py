"""Files are found by the names that annotations from other machines have for them."""

import json
import re
import unicodedata

import pytest
from PIL import Image

from composer.data.readers.coco import coco
from composer.data.readers.image_files import ImageFiles
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.image_folder import image_folder
from composer.data.readers.pascal_voc import pascal_voc


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "images"
    for name in ("a.jpg", "train/b c.jpg", unicodedata.normalize("NFD", "Käfer.jpg"), "D.JPG"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(root / name)
    return root


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("train/b c.jpg", "train/b c.jpg"),
        ("train\\b c.jpg", "train/b c.jpg"),
        (".\\train\\b c.jpg", "train/b c.jpg"),
        ("./a.jpg", "a.jpg"),
        ("A.JPG", "a.jpg"),
        ("Train/B C.jpg", "train/b c.jpg"),
        ("d.jpg", "D.JPG"),
        ("images/a.jpg", "a.jpg"),
        ("images\\train\\b c.jpg", "train/b c.jpg"),
        ("Images/A.jpg", "a.jpg"),
        (unicodedata.normalize("NFC", "Käfer.jpg"), unicodedata.normalize("NFD", "Käfer.jpg")),
        (unicodedata.normalize("NFC", "KÄFER.jpg"), unicodedata.normalize("NFD", "Käfer.jpg")),
        (" a.jpg ", "a.jpg"),
    ],
)
def test_a_name_means_the_only_file_that_it_can_mean(folder, name, expected):
    files = ImageFiles(folder)
    assert files.has(name)
    assert files.path(name).relative_to(folder).as_posix() == expected


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("b.jpg", "there is no such file in .*images$"),
        ("a.png", r", but a\.jpg$"),
        ("a", r", but a\.jpg$"),
        ("/elsewhere/data/a.jpg", r", but a\.jpg without the folders before it"),
        ("C:\\data\\a.jpg", r", but a\.jpg without the folders before it"),
        ("val/a.jpg", r", but a\.jpg without the folders before it"),
        ("train", "there is no such file"),
        ("", "there is no such file"),
        ("x\0y.jpg", "there is no such file"),
    ],
)
def test_other_names_mean_no_file_and_get_a_hint(folder, name, hint):
    files = ImageFiles(folder)
    assert not files.has(name)
    assert re.search(hint, files.explain(name))


def test_a_name_that_may_mean_two_files_means_none(folder):
    Image.new("RGB", (8, 6)).save(folder / "A.jpg")
    files = ImageFiles(folder)
    assert files.path("a.jpg").name == "a.jpg"
    assert not files.has("a.JPG")
    assert "A.jpg and a.jpg differ in case or form only" in files.explain("a.JPG")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_coco_with_a_mark_and_names_of_windows_is_read(folder, tmp_path, encoding):
    document = {
        "images": [{"id": 1, "file_name": "images\\train\\b c.jpg", "height": 6, "width": 8}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3]}],
        "categories": [{"id": 1, "name": "Käfer"}],
    }
    text = json.dumps(document, ensure_ascii=False)
    (tmp_path / "a.json").write_bytes(text.encode(encoding))
    dataset = coco(annotations=tmp_path / "a.json", images=folder)
    assert not dataset.faults
    assert dataset[0].file_name == folder / "train" / "b c.jpg"
    assert dataset.metadata.thing_classes == ("Käfer",)


def test_lists_of_voc_have_names_with_spaces(tmp_path):
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / part).mkdir(parents=True)
    for name in ("my photo", "two 1", "plain", "other"):
        Image.new("RGB", (8, 6)).save(tmp_path / f"JPEGImages/{name}.jpg")
        (tmp_path / f"Annotations/{name}.xml").write_text("<annotation/>")
    listing = "my photo\r\ntwo 1\r\nplain -1\r\nother  1\r\n\r\n"
    (tmp_path / "ImageSets/Main/trainval.txt").write_bytes(listing.encode("utf-8-sig"))
    dataset = pascal_voc(folder=tmp_path)
    assert not dataset.faults
    assert [record.image_id for record in dataset] == ["my photo", "two 1", "plain", "other"]


def test_hidden_files_are_no_images(folder):
    for name in ("._a.jpg", "__MACOSX/a.jpg", ".ipynb_checkpoints/a-checkpoint.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\0\x05\x16\x07")
    names = [record.file_name.name for record in image_folder(images=folder)]
    assert len(names) == 4
    assert not any(name.startswith(".") for name in names)


def test_hidden_lists_and_annotations_are_none(tmp_path):
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / part).mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "Annotations/a.xml").write_text("<annotation/>")
    (tmp_path / "ImageSets/Main/trainval.txt").write_text("a\n")
    for name in ("Annotations/._a.xml", "ImageSets/Main/._trainval.txt", "JPEGImages/._a.jpg"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7\xff")
    dataset = pascal_voc(folder=tmp_path)
    assert [record.image_id for record in dataset] == ["a"]
    assert not dataset.faults


def test_finders_of_other_formats_fold_case_and_unicode_form_alike(folder):
    Image.new("RGB", (8, 6)).save(folder / unicodedata.normalize("NFD", "Stra\u00dfe \u00e9.png"))
    finder = ImageFinder(folder)
    for name in ("STRASSE \u00c9.png", "strasse \u00e9.jpg", "stra\u00dfe \u00e9"):
        assert finder.find(name).suffix == ".png"
