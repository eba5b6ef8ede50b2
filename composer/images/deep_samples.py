"""Images of more than 8 bits a sample, scaled by the range that the file says.

Legend: H W height and width.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple, SupportsFloat

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

_BITS, _PHOTOMETRIC, _DESCRIPTION, _SAMPLE_FORMAT = 258, 262, 270, 339  # tags of TIFF
_STATED = ((340, 341), (280, 281))  # smallest and largest sample; of any kind, of integers
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED = 0, 1, 2
_IMAGEJ = re.compile(r"^(min|max)=([-+.\deE]{1,40})\s*$", re.MULTILINE)

_HOW_TO_SAY = (
    "Say which samples are black and white, such as 0 and 4095 of 12 bits: `sample_range: [0, "
    "4095]` of a dataset (`--set 'sample_range=[0, 4095]'`), `composer predict --sample-range "
    "0,4095`, `Predictor(..., sample_range=(0, 4095))`"
)
_DARK = 64  # the first quarter of 256 levels
_LEVELS = 256


class SampleRangeError(ValueError):
    """Nothing says which samples of an image are black and white, or something says it wrongly."""


class SampleRange(NamedTuple):
    """The samples that are black and white.

    Args:
        black: the sample that becomes 0.
        white: the sample that becomes 255.
        is_stated: whether the file says so itself; else the range is that of its kind of numbers.
    """

    black: float
    white: float
    is_stated: bool = False


def make_range(span: tuple[float, float] | None) -> SampleRange | None:
    """The samples that a user says are black and white; None if nothing is said.

    Raises:
        SampleRangeError: they are no two finite numbers, the smaller first.
    """
    if span is None:
        return None
    numbers = [_to_number(value) for value in span] if isinstance(span, (tuple, list)) else []
    black, white = numbers if len(numbers) == 2 else (None, None)
    if black is None or white is None or black >= white:
        raise SampleRangeError(
            "sample_range is the samples that are black and white, such as 0 and 4095, not "
            f"{span!r:.60}"
        )
    return SampleRange(black, white, True)


def is_deep(image: Image.Image) -> bool:
    """Whether an image has one channel of 16 or 32 bits."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def scale_to_bytes(image: Image.Image, span: SampleRange | None = None) -> Image.Image:
    """An image of 16 or 32 bits as one of 8.

    TIFF files say which samples are black and white: by their bits per sample, by their largest
    sample, by the display range that ImageJ writes. Floating point is from 0 to 1. PNG and PPM
    have the whole range of 16 bits.

    Args:
        image: loaded, of the mode `I;16` (or a variant), `I` or `F`.
        span: the samples that are black and white, over what the file says.

    Raises:
        SampleRangeError: the samples do not fit the range, or would all be nearly black.
    """
    tags = dict(getattr(image, "tag_v2", {}))
    samples = np.asarray(image)
    if image.mode == "I" and tags.get(_BITS) == (32,) and _kind_of(tags) == _UNSIGNED:
        samples = samples.view(np.uint32)
    span = find_range(image, tags, samples) if span is None else span
    scaled = _scale(samples, span, _count_bits(image, tags))
    return Image.fromarray(255 - scaled if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else scaled)


def check_cut_samples(image: Image.Image, rawmode: str) -> None:
    """Checks an image in colour whose samples of 16 bits Pillow has cut to their upper 8.

    Args:
        image: RGB.
        rawmode: Pillow's name for the samples of the file, such as `RGB;16B`.

    Raises:
        SampleRangeError: the image would be nearly black.
    """
    if "16" in rawmode:
        lightest = max(high for _, high in image.getextrema())  # type: ignore[misc]
        if 0 < lightest < _DARK:
            dark = _describe_dark(16, f"below {(lightest + 1) * _LEVELS}")
            raise SampleRangeError(f"{dark} Convert it to 8 bits")


def find_range(
    image: Image.Image, tags: dict[int, Any], samples: Shaped[np.ndarray, "H W"]
) -> SampleRange:
    """The samples that are black and white in an image of 16 or 32 bits."""
    stated = _find_stated(tags)
    if stated is not None:
        return stated
    if image.mode == "F":
        return SampleRange(0.0, 1.0)
    if _kind_of(tags) == _SIGNED or (samples.size and samples.min() < 0):
        raise SampleRangeError(
            "its samples are signed numbers, and nothing in the file says which are black and "
            "white (a TIFF can, in the tags SMinSampleValue and SMaxSampleValue). "
            f"{_HOW_TO_SAY}"
        )
    return SampleRange(0, 2 ** _count_bits(image, tags) - 1)


def _count_bits(image: Image.Image, tags: dict[int, Any]) -> int:
    if image.mode == "F":
        return 32
    bits = tags.get(_BITS, 16)
    return int(bits[0] if isinstance(bits, tuple) else bits)


def _kind_of(tags: dict[int, Any]) -> int:
    kinds = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))
    return int(kinds[0] if isinstance(kinds, tuple) else kinds)


def _find_stated(tags: dict[int, Any]) -> SampleRange | None:
    """The range that a TIFF file states in its tags, or that ImageJ has written to it."""
    for least, largest in _STATED:
        white = _to_number(tags.get(largest))
        if white is not None:
            black = _to_number(tags.get(least)) or 0.0
            return SampleRange(black, white, True) if white > black else None
    description = tags.get(_DESCRIPTION)
    if isinstance(description, str) and description.startswith("ImageJ="):
        found = {name: _to_number(text) for name, text in _IMAGEJ.findall(description[:4000])}
        black_or_none, white = found.get("min"), found.get("max")
        if black_or_none is not None and white is not None and white > black_or_none:
            return SampleRange(black_or_none, white, True)
    return None


def _to_number(value: object) -> float | None:
    first = value[0] if isinstance(value, tuple) and value else value
    if not isinstance(first, (str, SupportsFloat)):
        return None
    try:
        number = float(first)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None


def _scale(
    samples: Shaped[np.ndarray, "H W"], span: SampleRange, bits: int
) -> UInt8[np.ndarray, "H W"]:
    """Samples as levels from 0 to 255, each for an equal part of the range."""
    if not samples.size:
        return samples.astype(np.uint8)
    is_float = samples.dtype.kind == "f"
    if is_float and not np.isfinite(samples).all():
        raise SampleRangeError("it has samples that are NaN or infinite; convert it to 8 bits")
    least, largest = float(samples.min()), float(samples.max())
    if not span.is_stated and (least < span.black or largest > span.white):
        raise SampleRangeError(
            f"its samples are from {least:g} to {largest:g}, and nothing in the file says which "
            f"are black and white (floating point is read from {span.black:g} to {span.white:g}). "
            f"{_HOW_TO_SAY}"
        )
    # Whole numbers have one more level than their difference: 0 to 65535 are 256 times 256.
    steps = span.white - span.black + (0 if is_float else 1)
    levels = (samples.astype(np.float64) - span.black) * (_LEVELS / steps)
    scaled = np.floor(levels).clip(0, _LEVELS - 1).astype(np.uint8)
    if not span.is_stated and largest > 0 and int(scaled.max()) < _DARK:
        raise SampleRangeError(f"{_describe_dark(bits, f'{largest:g} at most')} {_HOW_TO_SAY}")
    return scaled


def _describe_dark(bits: int, largest: str) -> str:
    return (
        f"its samples have {bits} bits, and are {largest}: it would be nearly black. Nothing in "
        "the file says which sample is white (a TIFF can, in the tags BitsPerSample and "
        "MaxSampleValue)."
    )
