"""The parts of a COCO annotation, checked: boxes, masks, keypoints and areas.

A part that cannot be used is a `BadPart`, which says why. One that is empty counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, cast

from composer.data.faults import BadPart, FaultKind
from composer.data.json_values import are_numbers, as_integer, is_number, show_value
from composer.data.records import Annotation, Box, Polygons, RotatedBox, RunLengths
from composer.structures import (
    LONGEST_OUTLINE,
    BoxMode,
    bound_polygons,
    compress_run_lengths,
    find_mask_box,
    read_run_lengths,
)

_SLACK = 1.0  # pixels that annotations of COCO may reach beyond the image by rounding
AnyBox = tuple[Box, RotatedBox | None]

_FORMS = {
    BoxMode.XYWH_ABS: "four numbers x, y, width, height",
    BoxMode.XYWH_REL: "four shares x, y, width, height",
    BoxMode.XYXY_ABS: "four numbers x0, y0, x1, y1",
    BoxMode.XYXY_REL: "four shares x0, y0, x1, y1",
    BoxMode.XYWHA_ABS: "five numbers: centre x, centre y, width, height, degrees",
}

MAX_PIXELS = 2**31  # of an image: COCO's masks count pixels in 32 bits


def to_box(bbox: object) -> Box:
    """The corners of a box that is given as x, y, width, height.

    Raises:
        BadPart: it is not four finite numbers, or has no area.
    """
    return to_boxes(bbox, BoxMode.XYWH_ABS)[0]


def read_boxes(entry: Mapping[str, Any], height: int | None, width: int | None) -> AnyBox:
    """The box of an annotation in any mode; without `bbox_mode`, in COCO's.

    Args:
        entry: has `bbox` and may have `bbox_mode`, a mode by name or by number.
        height: the image's, if it is known.
        width: likewise.

    Raises:
        BadPart: the mode is unknown, or the box is not what its mode says or has no area.
    """
    bbox, mode = entry.get("bbox"), entry.get("bbox_mode")
    if mode is None:
        has_angle = isinstance(bbox, Sequence) and len(bbox) == BoxMode.XYWHA_ABS.num_values
        return to_boxes(bbox, BoxMode.XYWHA_ABS if has_angle else BoxMode.XYWH_ABS)
    whole = as_integer(mode)
    try:
        parsed = BoxMode.parse(mode if whole is None else whole)
    except ValueError as error:
        raise BadPart("malformed", f"'bbox_mode': {error}") from error
    if parsed.is_relative and (height is None or width is None):
        raise BadPart("malformed", f"a box in {parsed.name} takes the image's height and width")
    return to_boxes(bbox, parsed, (height or 1, width or 1))


def to_boxes(bbox: object, mode: BoxMode, image_size: tuple[int, int] = (1, 1)) -> AnyBox:
    """The corners of a box, and the rotated box if it is one.

    Args:
        bbox: its numbers.
        mode: their meaning.
        image_size: (height, width) of the image, for relative modes.

    Raises:
        BadPart: they are not as many finite numbers as the mode has, or have no area.
    """
    if not are_numbers(bbox) or len(bbox) != mode.num_values:
        message = f"'bbox' is {_FORMS[mode]}, not {show_value(bbox)}"
        raise BadPart("malformed", message)
    values = [float(value) for value in bbox]
    width, height = values[2], values[3]
    if mode in (BoxMode.XYXY_ABS, BoxMode.XYXY_REL):
        width, height = values[2] - values[0], values[3] - values[1]
    if width <= 0 or height <= 0:
        unit = "of the image" if mode.is_relative else "pixels"
        raise BadPart("box_degenerate", f"the box is {width:g} x {height:g} {unit}")
    if mode is BoxMode.XYWH_ABS:  # by far the most frequent one
        x0, y0, x1, y1 = values[0], values[1], values[0] + width, values[1] + height
    else:
        x0, y0, x1, y1 = BoxMode.convert(values, mode, BoxMode.XYXY_ABS, image_size=image_size)
    if not are_numbers([x0, y0, x1, y1]):
        raise BadPart("malformed", f"'bbox' {show_value(bbox)} ends beyond all numbers")
    rotated = None
    if mode is BoxMode.XYWHA_ABS:
        rotated = values[0], values[1], width, height, values[4]
    return (x0, y0, x1, y1), rotated


def describe_outside(box: Box, height: int | None, width: int | None) -> str:
    """How a box leaves the image by more than a pixel; nothing if it does not."""
    if height is None or width is None:
        return ""
    if _is_inside(box, height, width):
        return ""
    corners = ", ".join(f"{side:g}" for side in box)
    return f"the box {corners} reaches beyond the image of {width} x {height} (width x height)"


def is_wholly_outside(box: Box, height: int | None, width: int | None) -> bool:
    """Whether no part of a box is on the image."""
    if height is None or width is None:
        return False
    return box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0


def _is_inside(box: Box, height: int, width: int) -> bool:
    x0, y0, x1, y1 = box
    return x0 >= -_SLACK and y0 >= -_SLACK and x1 <= width + _SLACK and y1 <= height + _SLACK


def is_empty(segmentation: object) -> bool:
    """Whether a segmentation is absent: null, or a list or mapping with nothing in it."""
    if isinstance(segmentation, (list, tuple)):
        return all(part in ([], (), None) for part in segmentation)
    return segmentation is None or segmentation == {}


def enclose(segmentation: Any) -> Sequence[float]:
    """The smallest box around outlines or run lengths.

    Raises:
        BadPart: there is nothing to enclose.
    """
    if segmentation is None:
        raise BadPart("malformed", "there is neither a box nor an outline")
    if isinstance(segmentation, Mapping):
        x, y, width, height = find_mask_box(cast("Any", segmentation))
        return x, y, x + width, y + height
    xs = [x for outline in segmentation for x in outline[0::2]]
    ys = [y for outline in segmentation for y in outline[1::2]]
    return min(xs), min(ys), max(xs), max(ys)


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
        message = (
            "'segmentation' is a list of polygons or a run-length encoding, not "
            f"{show_value(segmentation)}"
        )
        raise BadPart("malformed", message)
    polygons = []
    for polygon in segmentation:
        if is_empty(polygon):
            continue
        if not are_numbers(polygon):
            message = (
                "a polygon is a flat list of numbers x0, y0, x1, y1, ..., not "
                f"{show_value(polygon)}"
            )
            raise BadPart("malformed", message)
        if len(polygon) % 2:
            message = f"a polygon has pairs of numbers x, y, not {len(polygon)} numbers"
            raise BadPart("malformed", message)
        if len(polygon) >= 6:
            polygons.append(polygon)
    if not polygons:
        raise BadPart("empty_polygon", "no polygon has three corners")
    _check_outline(polygons, height, width)
    return polygons


def _check_outline(polygons: Polygons, height: int | None, width: int | None) -> None:
    """Refuses an outline of a length that is never filled.

    Raises:
        BadPart: it is one.
    """
    if height is None or width is None:
        return
    longest = sum(map(len, polygons)) * max(height, width)  # of one that stays in the image
    if longest > LONGEST_OUTLINE or describe_mask_outside(polygons, height, width):
        try:
            bound_polygons(polygons, height, width)
        except ValueError as error:
            raise BadPart("bad_mask", str(error)) from None


def describe_mask_outside(
    segmentation: Polygons | RunLengths | None, height: int | None, width: int | None
) -> str:
    """How outlines leave the image by more than a pixel; nothing if they do not."""
    if height is None or width is None or not segmentation or isinstance(segmentation, Mapping):
        return ""
    x0 = min(chain.from_iterable(part[0::2] for part in segmentation))
    y0 = min(chain.from_iterable(part[1::2] for part in segmentation))
    x1 = max(chain.from_iterable(part[0::2] for part in segmentation))
    y1 = max(chain.from_iterable(part[1::2] for part in segmentation))
    if _is_inside((x0, y0, x1, y1), height, width):
        return ""
    corners = f"{x0:g}, {y0:g}, {x1:g}, {y1:g}"
    return (
        f"the outline within {corners} reaches beyond the image of {width} x {height} (width x "
        "height), to which it is cut"
    )


def to_run_lengths(encoded: Mapping[str, Any], height: int | None, width: int | None) -> RunLengths:
    """A mask as run lengths, compressed.

    Args:
        encoded: run lengths in any of COCO's forms.
        height: the image's, if it is known.
        width: likewise.

    Raises:
        BadPart: it is no such mask, or one of another size.
    """
    size, counts = _to_whole(encoded.get("size")), encoded.get("counts")
    if size is None or len(size) != 2 or not counts:
        message = (
            "a run-length encoding has the keys 'size' and 'counts' (height and width; the runs), "
            f"not {show_value(dict(encoded))}"
        )
        raise BadPart("bad_mask", message)
    if height is not None and width is not None and size != [height, width]:
        raise BadPart("bad_mask", f"the mask is for {size} (height, width), not {[height, width]}")
    if size[0] * size[1] >= MAX_PIXELS:
        raise BadPart("bad_mask", f"no mask is of {size[0]} x {size[1]} pixels")
    runs = _to_runs(counts)
    num_pixels = sum(runs)
    if num_pixels != size[0] * size[1]:
        raise BadPart("bad_mask", f"the runs make {num_pixels} pixels of {size[0] * size[1]}")
    if isinstance(counts, (str, bytes)):
        return {"size": size, "counts": counts}
    return compress_run_lengths({"size": size, "counts": runs})


def _to_runs(counts: object) -> Sequence[int]:
    if isinstance(counts, (str, bytes)):
        try:
            return read_run_lengths(counts.encode() if isinstance(counts, str) else counts)
        except ValueError as error:
            raise BadPart("bad_mask", str(error)) from error
    runs = _to_whole(counts)
    if runs is None:
        raise BadPart("bad_mask", "'counts' is text, or a list of numbers of pixels")
    return runs


def _to_whole(values: object) -> list[int] | None:
    """A list of whole numbers from zero; None if it is none."""
    if not are_numbers(values):
        return None
    whole = [as_integer(value) for value in values]
    known = [number for number in whole if number is not None and number >= 0]
    return known if len(known) == len(whole) else None


def to_keypoints(keypoints: object, num_keypoints: int) -> Sequence[float]:
    """Flat x, y, visibility of each keypoint.

    Raises:
        BadPart: they are of another number than the category's keypoints, or no numbers.
    """
    if not are_numbers(keypoints):
        message = f"keypoints are a flat list of numbers x, y, v, not {show_value(keypoints)}"
        raise BadPart("bad_keypoints", message)
    assert isinstance(keypoints, Sequence)
    if len(keypoints) != 3 * num_keypoints:
        wanted = f"{3 * num_keypoints} ({num_keypoints} keypoints of x, y, v)"
        raise BadPart("bad_keypoints", f"there are {len(keypoints)} numbers, not {wanted}")
    if any(value not in (0, 1, 2) for value in keypoints[2::3]):
        raise BadPart("bad_keypoints", "the visibility of a keypoint is 0, 1 or 2")
    return keypoints


def describe_keypoints_outside(
    keypoints: Sequence[float] | None, height: int | None, width: int | None
) -> str:
    """Which labelled keypoints leave the image by more than a pixel; nothing if none does."""
    if keypoints is None or height is None or width is None:
        return ""
    rows = zip(keypoints[0::3], keypoints[1::3], keypoints[2::3], strict=True)
    outside = [
        f"{x:g}, {y:g}"
        for x, y, visibility in rows
        if visibility and not _is_inside((x, y, x, y), height, width)
    ]
    if not outside:
        return ""
    return (
        f"{len(outside)} of its keypoints lie beyond the image of {width} x {height} (width x "
        f"height), the first at {outside[0]}; training leaves them out"
    )


def to_area(area: object, height: int | None, width: int | None) -> float:
    """The area of an object in square pixels.

    Raises:
        BadPart: it is no number from 0 on, or more than that of the image.
    """
    if not is_number(area) or area < 0:
        message = f"'area' is a number of square pixels, not {show_value(area)}"
        raise BadPart("bad_area", f"{message}; that of the mask or the box counts")
    found = float(area)
    if height is not None and width is not None:
        largest = (height + 2 * _SLACK) * (width + 2 * _SLACK)
        if found > largest:
            message = f"'area' is {found:g} in an image of {height * width} square pixels"
            raise BadPart("bad_area", f"{message}; that of the mask or the box counts")
    return found


def list_parts_outside(
    annotation: Annotation, height: int | None, width: int | None
) -> Iterator[tuple[FaultKind, str]]:
    """The parts of an annotation that reach beyond the image, by kind of the fault."""
    size = height, width
    if outside := describe_outside(annotation.box, *size):
        yield "box_outside", outside
    mask = annotation.segmentation
    if isinstance(mask, Mapping) and None not in size and list(mask["size"]) != [height, width]:
        yield "bad_mask", f"the mask is for {mask['size']} (height, width), not {[height, width]}"
    if outside := describe_mask_outside(mask, *size):
        yield "mask_outside", outside
    if outside := describe_keypoints_outside(annotation.keypoints, *size):
        yield "bad_keypoints", outside
