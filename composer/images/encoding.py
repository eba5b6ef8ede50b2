"""Pictures as the bytes of a file."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def encode_image(image: Image.Image, suffix: str, **options: Any) -> bytes:
    """The bytes of an image file.

    Pillow writes to files by itself, and takes no notice of a disk that takes less than it is
    given; so pictures are made in memory.

    Args:
        image: the image.
        suffix: what the file's name ends in, with its dot; it chooses the format.
        options: as for `Image.save`.

    Raises:
        ValueError: images cannot be written under such a name.
    """
    file_format = Image.registered_extensions().get(suffix.lower())
    if file_format is None:
        raise ValueError(f"unknown file extension: {suffix}")
    buffer = io.BytesIO()
    try:
        image.save(buffer, file_format, **options)
    except KeyError:  # a format that is read only
        raise ValueError(f"unknown file extension: {suffix}") from None
    return buffer.getvalue()
