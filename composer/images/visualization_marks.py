"""The mark in visualizations, so that a folder of images that has them is not read with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from composer.images.encoding import encode_image
from composer.regular_files import open_regular_file

VISUALIZATION_MARK = "visualization of detection-composer"
_END_SIZE = 4096  # bytes at the start of images and the end of videos, where comments are
_QUALITY = 92  # of JPEG


def encode_visualization(image: Image.Image, suffix: str) -> bytes:
    """The bytes of a visualization, whose comment says that it is one.

    Args:
        image: the visualization.
        suffix: the suffix of its file, which chooses the format.

    Raises:
        ValueError: images cannot be written under such a name.
    """
    return encode_image(image, suffix, **_options(suffix.lower()))


def is_visualization(file: Path) -> bool:
    """Whether a file has the comment of a visualization, an image or a video."""
    try:
        with open_regular_file(file) as stream:
            head = stream.read(_END_SIZE)
            stream.seek(max(0, file.stat().st_size - _END_SIZE))
            return any(VISUALIZATION_MARK.encode() in end for end in (head, stream.read(_END_SIZE)))
    except OSError:
        return False


def _options(suffix: str) -> dict[str, Any]:
    if suffix in (".jpg", ".jpeg", ".jfif", ".jpe"):
        return {"quality": _QUALITY, "comment": VISUALIZATION_MARK}
    if suffix == ".png":
        notes = PngInfo()
        notes.add_text("Comment", VISUALIZATION_MARK)
        return {"pnginfo": notes}
    return {}
