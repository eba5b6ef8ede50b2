"""A folder of images is a dataset without annotations."""

import pytest
from PIL import Image

from composer.data.readers.image_folder import image_folder
from composer.errors import DataError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("b.png", "a.JPG", "inner/c.png"):
        Image.new("RGB", (4, 3)).save(tmp_path / name, "PNG")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_images_are_sorted_and_called_by_their_path(folder):
    dataset = image_folder(images=folder, classes=("cat",))
    assert [record.image_id for record in dataset] == ["a.JPG", "b.png", "inner/c.png"]
    assert dataset[2].file_name == folder / "inner/c.png"
    assert dataset.metadata.thing_classes == ("cat",)


def test_subfolders_can_be_left_out(folder):
    dataset = image_folder(images=folder, include_subfolders=False)
    assert [record.image_id for record in dataset] == ["a.JPG", "b.png"]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no image in this folder"):
        image_folder(images=tmp_path)
    with pytest.raises(DataError, match="there is no such folder"):
        image_folder(images=tmp_path / "nowhere")
