"""Photographs: images as RGB of 8 bits, upright."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from typing import Any

from PIL import Image

from composer.images.deep_samples import (
    SampleRange,
    check_cut_samples,
    is_deep,
    make_range,
    scale_to_bytes,
)
from composer.images.opening import opened_image
from composer.images.orientation import turn_upright

_SUBFILE_TYPE = 254  # tag of TIFF; 1 is a smaller copy of another page
_OPAQUE_FIRST = {"La": "LA", "RGBa": "RGBA"}  # modes that Pillow converts in two steps only

_log = logging.getLogger("composer.images")


def open_image(
    file: str | os.PathLike[str], sample_range: tuple[float, float] | None = None
) -> Image.Image:
    """The image of a file as RGB, turned the way its EXIF orientation says.

    Grey and palette images get three channels, transparency is dropped, more than 8 bits are
    scaled by the range that the file says, and of several images in a file the first is taken,
    which the log `composer.images` reports.

    Args:
        file: the file.
        sample_range: of an image in grey of more than 8 bits, the samples that are black and white,
            over what the file says; others are cut to them.

    Raises:
        ImageFileError: as of `opened_image`; or nothing says which samples are black and white.
    """
    with opened_image(file) as image:
        rawmode = find_rawmode(image)
        upright = convert_to_rgb(turn_upright(image), make_range(sample_range))
        check_cut_samples(upright, rawmode)
        if getattr(image, "is_animated", False):
            upright = upright.copy()  # looking at the next image may change this one
            if _has_more_images(image):
                _report_more_images(os.fspath(file))
        return upright


def make_upright(
    image: Image.Image, sample_range: tuple[float, float] | None = None
) -> Image.Image:
    """An image as RGB, turned the way its EXIF orientation says; the given one stays as it is."""
    turned = turn_upright(image)
    return convert_to_rgb(image.copy() if turned is image else turned, make_range(sample_range))


def convert_to_rgb(image: Image.Image, span: SampleRange | None = None) -> Image.Image:
    """An image of any mode as RGB of 8 bits; itself if it is RGB.

    Args:
        image: the image.
        span: of more than 8 bits, the samples that are black and white; by default the image's own.

    Raises:
        ValueError: nothing says which samples are black and white, or Pillow has no conversion.
    """
    image.load()
    if is_deep(image):
        image = scale_to_bytes(image, span)
    elif "transparency" in image.info and image.mode == "P":
        image = image.convert("RGBA")  # Pillow warns of other ways
    elif image.mode in _OPAQUE_FIRST:
        image = image.convert(_OPAQUE_FIRST[image.mode])
    return image if image.mode == "RGB" else image.convert("RGB")


def find_rawmode(image: Image.Image) -> str:
    """Pillow's name for the samples of a file that is not yet decoded."""
    tiles: Any = getattr(image, "tile", ())
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _has_more_images(image: Any) -> bool:
    """Whether the second image of a file is no smaller copy of the first."""
    if not hasattr(image, "tag_v2"):
        return True
    try:
        image.seek(1)
    except Exception:  # what cannot be read is not there
        return False
    kind = image.tag_v2.get(_SUBFILE_TYPE, 0)
    return not (isinstance(kind, int) and kind & 1)


@lru_cache(maxsize=4096)  # once for a file, not in each epoch
def _report_more_images(file: str) -> None:
    _log.warning("%s: there are several images in this file; the first is read", file)
