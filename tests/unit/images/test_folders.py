"""Folders of images without hidden files and visualizations."""

import pytest
from PIL import Image

from composer.images import (
    encode_visualization,
    is_passed_over,
    is_visualization,
    list_folder,
    walk_folder,
)


def test_hidden_files_and_folders_of_programs_are_passed_over(tmp_path):
    for name in (
        "a.jpg", "b/c.jpg", "._a.jpg", ".hidden/d.jpg", "__MACOSX/a.jpg",
        "b/.ipynb_checkpoints/c-checkpoint.jpg", "@eaDir/a.jpg", ".DS_Store",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [file.relative_to(tmp_path).as_posix() for file in walk_folder(tmp_path)]
    assert found == ["a.jpg", "b/c.jpg"]
    assert [path.name for path in list_folder(tmp_path)] == ["a.jpg", "b"]


def test_a_folder_that_is_hidden_itself_is_read(tmp_path):
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data/a.jpg").touch()
    assert [path.name for path in walk_folder(tmp_path / ".data")] == ["a.jpg"]


def test_links_that_lead_back_end_no_walk(tmp_path):
    (tmp_path / "inner").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a.jpg").touch()
    assert [path.name for path in walk_folder(tmp_path)] == ["a.jpg"]


@pytest.mark.parametrize("name", ["__MACOSX", "$RECYCLE.BIN", ".x"])
def test_names_of_programs_are_known(name):
    assert is_passed_over(name)
    assert not is_passed_over(f"a{name}")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.JPEG"])
def test_visualizations_are_recognised(tmp_path, name):
    image = Image.effect_noise((30, 30), 50).convert("RGB")
    image.save(tmp_path / name)
    assert not is_visualization(tmp_path / name)
    (tmp_path / name).write_bytes(encode_visualization(image, (tmp_path / name).suffix))
    assert is_visualization(tmp_path / name)
    assert not is_visualization(tmp_path / "nowhere.jpg")
