"""The parts of a COCO annotation, checked: boxes, masks and keypoints.

A part that cannot be used is a `BadPart`, which says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from composer.data.faults import BadPart
from composer.data.records import Box, Polygons, RunLengths
from composer.structures import compress_run_lengths, read_run_lengths

_SLACK = 1.0  # pixels that boxes of COCO may reach beyond the image by rounding


def to_box(bbox: object) -> Box:
    """The corners of a box that is given as x, y, width, height.

    Raises:
        BadPart: it is not four finite numbers, or has no area.
    """
    if not isinstance(bbox, Sequence) or len(bbox) != 4 or not are_finite(bbox):
        raise BadPart("malformed", f"'bbox' is four numbers x, y, width, height, not {bbox!r:.80}")
    x, y, width, height = (float(value) for value in bbox)
    if width <= 0 or height <= 0:
        raise BadPart("box_degenerate", f"the box is {width:g} x {height:g} pixels")
    return x, y, x + width, y + height


def describe_outside(box: Box, height: int | None, width: int | None) -> str:
    """How a box leaves the image by more than a pixel; nothing if it does not."""
    if height is None or width is None:
        return ""
    x0, y0, x1, y1 = box
    if x0 >= -_SLACK and y0 >= -_SLACK and x1 <= width + _SLACK and y1 <= height + _SLACK:
        return ""
    corners = f"{x0:g}, {y0:g}, {x1:g}, {y1:g}"
    return f"the box {corners} reaches beyond the image of {width} x {height} (width x height)"


def is_wholly_outside(box: Box, height: int | None, width: int | None) -> bool:
    """Whether no part of a box is on the image."""
    if height is None or width is None:
        return False
    return box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0


def to_segmentation(
    segmentation: object, height: int | None, width: int | None
) -> Polygons | RunLengths:
    """Polygons of three corners or more, or a compressed run-length encoding.

    Raises:
        BadPart: nothing is left, or the encoding does not fit the image.
    """
    if isinstance(segmentation, Mapping):
        return to_run_lengths(segmentation, height, width)
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str):
        raise BadPart("malformed", "'segmentation' is a list of polygons or a run-length encoding")
    polygons = []
    for polygon in segmentation:
        if not isinstance(polygon, Sequence) or not are_finite(polygon):
            raise BadPart("malformed", "a polygon is a flat list of numbers x0, y0, x1, y1, ...")
        if len(polygon) >= 6 and len(polygon) % 2 == 0:
            polygons.append(polygon)
    if not polygons:
        raise BadPart("empty_polygon", "no polygon has three corners")
    return polygons


def to_run_lengths(encoded: Mapping[str, Any], height: int | None, width: int | None) -> RunLengths:
    """A mask as run lengths, compressed.

    Args:
        encoded: run lengths in any of COCO's forms.
        height: the image's, if it is known.
        width: likewise.

    Raises:
        BadPart: it is no such mask, or one of another size.
    """
    size, counts = encoded.get("size"), encoded.get("counts")
    if not _are_counts(size) or len(size) != 2 or not counts:
        raise BadPart("bad_mask", "a run-length encoding has the keys 'size' and 'counts'")
    if height is not None and width is not None and list(size) != [height, width]:
        raise BadPart("bad_mask", f"the mask is for {size} (height, width), not {[height, width]}")
    num_pixels = sum(_to_runs(counts))
    if num_pixels != size[0] * size[1]:
        raise BadPart("bad_mask", f"the runs make {num_pixels} pixels of {size[0] * size[1]}")
    return encoded if isinstance(counts, (str, bytes)) else compress_run_lengths(encoded)


def _to_runs(counts: object) -> Sequence[int]:
    if isinstance(counts, (str, bytes)):
        try:
            return read_run_lengths(counts.encode() if isinstance(counts, str) else counts)
        except ValueError as error:
            raise BadPart("bad_mask", str(error)) from error
    if not _are_counts(counts):
        raise BadPart("bad_mask", "'counts' is text, or a list of numbers of pixels")
    return counts


def _are_counts(values: object) -> TypeGuard[Sequence[int]]:
    """Whether it is whole numbers from zero."""
    return isinstance(values, Sequence) and all(isinstance(v, int) and v >= 0 for v in values)


def to_keypoints(keypoints: object, num_keypoints: int) -> Sequence[float]:
    """Flat x, y, visibility of each keypoint.

    Raises:
        BadPart: they are of another number than the category's keypoints, or no numbers.
    """
    if not isinstance(keypoints, Sequence) or not are_finite(keypoints):
        raise BadPart("bad_keypoints", "keypoints are a flat list of numbers x, y, v")
    if len(keypoints) != 3 * num_keypoints:
        wanted = f"{3 * num_keypoints} ({num_keypoints} keypoints of x, y, v)"
        raise BadPart("bad_keypoints", f"there are {len(keypoints)} numbers, not {wanted}")
    if any(value not in (0, 1, 2) for value in keypoints[2::3]):
        raise BadPart("bad_keypoints", "the visibility of a keypoint is 0, 1 or 2")
    return keypoints


def are_finite(values: Sequence[Any]) -> bool:
    """Whether all values are finite numbers."""
    try:
        return all(map(math.isfinite, values))
    except (TypeError, OverflowError):
        return False
