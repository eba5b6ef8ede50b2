"""Example images by name."""

from composer.data import find_images
from composer.discovery import resolve_image, shipped_folder
from composer.prediction.image_sources import load_image

EXAMPLE = shipped_folder("specs") / "examples" / "astronaut.jpg"


def test_an_example_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_image("astronaut.jpg") == EXAMPLE
    assert find_images("astronaut.jpg") == [EXAMPLE]
    assert load_image("astronaut.jpg").image.size == (512, 512)


def test_files_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "astronaut.jpg").write_bytes(b"mine")
    assert resolve_image("astronaut.jpg").read_bytes() == b"mine"


def test_other_paths_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("photos/astronaut.jpg", "./README.md", "README.md", "none.jpg", "..", ""):
        assert str(resolve_image(path)) == str(type(EXAMPLE)(path))
