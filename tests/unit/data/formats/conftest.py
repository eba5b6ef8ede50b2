"""Data sets that are made by hand: a few drawn images, and annotations as a tool writes them."""

from __future__ import annotations

import pytest
from PIL import Image


class Folder:
    """A folder that a data set is written to."""

    def __init__(self, path):
        self.path = path

    def __truediv__(self, name):
        return self.path / name

    def draw(self, *names, size=(40, 20)):
        """Draws images of a width and height."""
        for name in names:
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size, (90, 120, 30)).save(file)
        return self

    def write(self, name, text):
        """Writes a text file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "set"
    path.mkdir()
    return Folder(path)
