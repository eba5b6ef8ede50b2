"""Masks as run lengths in COCO's form: pixels column after column, off and on by turns.

Legend: H W the height and width of a mask.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from composer.limits import check_expansion
from composer.structures.polygon_clipping import bound_polygons

Polygon: TypeAlias = Sequence[float | int] | NDArray[Any]  # x0, y0, x1, y1, ...

_FIRST_CHARACTER = ord("0")
_NUM_BITS, _IS_NEGATIVE, _CONTINUES = 5, 0x10, 0x20  # of a character
_MAX_SHIFT = 35  # bits; runs are numbers of 32 bits
_MAX_PIXELS = 2**32 - 1  # of a mask, whose runs are counted in 32 bits


class RunLengths(TypedDict):
    """A mask, compressed. In JSON the counts are text, or a list of numbers uncompressed.

    Args:
        size: height and width.
        counts: the runs.
    """

    size: list[int]
    counts: bytes


def encode_mask(mask: Bool[np.ndarray, "H W"]) -> RunLengths:
    """Encodes a mask."""
    found: RunLengths = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return found


def encode_polygons(polygons: Sequence[Polygon], height: int, width: int) -> RunLengths:
    """Encodes the union of an object's polygons, filled as COCO's own tools do.

    Args:
        polygons: the parts, of three corners or more; none make an empty mask. One that reaches
            far beyond the image is cut to it before; see `bound_polygons`.
        height: of the image.
        width: of the image.

    Raises:
        ValueError: the polygons are nothing that can be filled.
    """
    flat = [polygon.tolist() for polygon in bound_polygons(polygons, height, width)]
    if not flat:
        return encode_mask(np.zeros((height, width), dtype=bool))
    found: RunLengths = coco_mask.merge(coco_mask.frPyObjects(flat, height, width))
    return found


def encode_segmentation(
    segmentation: Sequence[Polygon] | Mapping[str, Any], height: int, width: int
) -> RunLengths:
    """Encodes an annotation's polygons, or its run lengths in any of COCO's forms.

    Args:
        segmentation: polygons as for `encode_polygons`, or a mapping as for
            `compress_run_lengths`.
        height: the image's height.
        width: the image's width.
    """
    if isinstance(segmentation, Mapping):
        return compress_run_lengths(segmentation)
    return encode_polygons(segmentation, height, width)


def compress_run_lengths(segmentation: Mapping[str, Any]) -> RunLengths:
    """Brings run lengths of any of COCO's forms into one.

    Args:
        segmentation: `size`, and `counts` as bytes, as text or as a list of numbers.

    Raises:
        KeyError: one of the two is missing.
        TypeError, ValueError: they are nothing of this, or a run is longer than any mask.
    """
    height, width = map(int, segmentation["size"])
    counts = segmentation["counts"]
    if isinstance(counts, str):
        counts = counts.encode("ascii")
    if isinstance(counts, bytes):
        return {"size": [height, width], "counts": counts}
    runs = [int(count) for count in counts]
    if runs and not 0 <= min(runs) <= max(runs) <= _MAX_PIXELS:
        raise ValueError(f"runs are numbers of pixels from 0 to {_MAX_PIXELS}")
    plain = {"size": [height, width], "counts": runs}
    found: RunLengths = coco_mask.frPyObjects(plain, height, width)
    return found


def read_run_lengths(counts: bytes) -> list[int]:
    """The lengths of the runs that compressed counts stand for.

    A character holds five bits of a number, the lowest first, and whether more of them follow;
    from the fourth run on a number is the difference to the run before the last.

    Args:
        counts: the code. pycocotools takes any, and fills what it leaves open with what there
            happens to be in memory.

    Raises:
        ValueError: it is no such code.
    """
    runs: list[int] = []
    value = shift = 0
    for byte in counts:
        group = byte - _FIRST_CHARACTER
        if not 0 <= group < 2 * _CONTINUES:
            raise ValueError(f"run lengths have no character {bytes([byte])!r}")
        if shift > _MAX_SHIFT:
            raise ValueError(f"run {len(runs)} is a number of more than 32 bits")
        value |= (group & (_CONTINUES - 1)) << shift
        shift += _NUM_BITS
        if group & _CONTINUES:
            continue
        if group & _IS_NEGATIVE:
            value -= 1 << shift
        value += runs[-2] if len(runs) > 2 else 0
        if value < 0:
            raise ValueError(f"run {len(runs)} has {value} pixels")
        runs.append(value)
        value = shift = 0
    if shift:
        raise ValueError("run lengths end in the middle of a number")
    return runs


def decode_mask(segmentation: Mapping[str, Any]) -> Bool[np.ndarray, "H W"]:
    """The pixels of a mask that is given in any of COCO's forms; see `compress_run_lengths`.

    Raises:
        KeyError, TypeError, ValueError: as `compress_run_lengths`, or the mask would take more
            memory than a few runs may (`composer.limits`).
    """
    mask = compress_run_lengths(segmentation)
    height, width = mask["size"]
    name = f"a mask of {height} x {width}"
    check_expansion(name, size=len(mask["counts"]), needed=2 * height * width)
    pixels: Bool[np.ndarray, "H W"] = coco_mask.decode(mask)
    return pixels.astype(bool)


def measure_mask(mask: RunLengths) -> int:
    """The number of pixels of a mask."""
    return int(coco_mask.area(mask))


def find_mask_box(mask: RunLengths) -> list[float]:
    """The tightest box around a mask, as x, y, width, height; zeros if it is empty."""
    return [float(value) for value in coco_mask.toBbox(mask)]


def mask_to_text(mask: RunLengths) -> dict[str, Any]:
    """The code as JSON can hold it, in the form of COCO's results files."""
    return {"size": [int(side) for side in mask["size"]], "counts": mask["counts"].decode("ascii")}
