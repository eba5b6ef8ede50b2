"""The samples of label images as their files store them: never scaled, never turned.

Legend: H W height and width.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from jaxtyping import Int
from PIL import Image

from composer.images.errors import ImageFileError
from composer.images.opening import opened_image
from composer.images.photographs import find_rawmode
from composer.regular_files import open_regular_file

_LOSSY = ("JPEG", "JPEG2000", "WEBP", "AVIF", "HEIF")
_SPREAD = {"L;2": 85, "L;4": 17}  # Pillow spreads 2 and 4 bits of grey over 8
_PORTABLE_LEVELS = {"L": 255, "I": 65535}  # the same of PPM's largest sample
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


def read_samples(file: str | os.PathLike[str]) -> Int[np.ndarray, "H W"]:
    """Reads an image of one channel, or the indices of an image with a palette.

    Raises:
        ImageFileError: as of `opened_image`; or it has colours, was compressed with loss, or has
            samples that are no whole numbers.
    """
    with opened_image(file) as image:
        _refuse_losses(file, image)
        factor = _find_factor(image)
        samples = np.asarray(image)
        if samples.ndim != 2:
            reason = f"labels are one channel, not {samples.shape[2]}"
            raise ImageFileError(file, "unreadable_image", reason)
        if factor != 1:
            samples = np.rint(samples * factor)
        whole = samples.astype(np.int64)
        if not np.array_equal(whole, samples):
            reason = "labels are whole numbers, and it has others"
            raise ImageFileError(file, "unreadable_image", reason)
        return whole


def read_color_samples(file: str | os.PathLike[str]) -> Int[np.ndarray, "H W 3"]:
    """Reads an image of red, green and blue, or one with a palette of these.

    Raises:
        ImageFileError: as of `opened_image`; or it has other channels, more than 8 bits, or was
            compressed with loss.
    """
    with opened_image(file) as image:
        _refuse_losses(file, image)
        rawmode = find_rawmode(image)
        if image.mode not in ("RGB", "RGBA", "P") or "16" in rawmode:
            found = "16 bits a channel" if "16" in rawmode else f"the mode {image.mode}"
            reason = f"ids are in the 8 bits of red, green and blue, and it has {found}"
            raise ImageFileError(file, "unreadable_image", reason)
        if image.mode == "P":
            image.info.pop("transparency", None)  # its colours are the ids all the same
        return np.asarray(image.convert("RGB")).astype(np.int64)


def _refuse_losses(file: str | os.PathLike[str], image: Image.Image) -> None:
    if image.format in _LOSSY and not _is_lossless_webp(file):
        reason = f"labels are changed by the compression of {image.format}; PNG keeps them"
        raise ImageFileError(file, "unreadable_image", reason)


def _is_lossless_webp(file: str | os.PathLike[str]) -> bool:
    with open_regular_file(file) as stream:
        head = stream.read(64)
    return head[8:12] == b"WEBP" and b"VP8L" in head


def _find_factor(image: Any) -> float:
    """What Pillow's samples are to be multiplied by to be those of the file."""
    rawmode = find_rawmode(image)
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and image.mode != "1":
        raise ValueError("white is zero in this TIFF; labels are stored with black as zero")
    if rawmode in _SPREAD:
        return 1 / _SPREAD[rawmode]
    arguments = image.tile[0][3] if getattr(image, "tile", ()) else ()
    levels = _PORTABLE_LEVELS.get(image.mode)
    if image.format == "PPM" and levels and isinstance(arguments, tuple) and len(arguments) == 2:
        largest = arguments[1]
        return largest / levels if isinstance(largest, int) and largest > 0 else 1
    return 1
