"""The shapes of CVAT's tracks, frame by frame."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

_LONGEST = 10  # digits of a frame's number
_SIDES = ("xtl", "ytl", "xbr", "ybr")


def is_true(element: ET.Element, name: str) -> bool:
    """Whether an attribute is set: `1`, or `true`."""
    return element.get(name, "0").strip().lower() in ("1", "true")


def interpolate(track: ET.Element, frames: Sequence[int]) -> Iterator[tuple[int, ET.Element]]:
    """The shapes of a track with their frames, those outside left out.

    CVAT writes every frame of a track, or only its key frames; between two key frames, a box moves
    evenly, and other shapes stay as they are at the first.

    Args:
        track: the track.
        frames: the frames that have an image, in order.
    """
    shapes = [shape for shape in track if _has_frame(shape)]
    shapes.sort(key=_frame)
    for shape, following in zip(shapes, [*shapes[1:], None], strict=True):
        if is_true(shape, "outside"):
            continue
        yield _frame(shape), shape
        if following is not None and is_true(shape, "keyframe"):
            start = bisect_right(frames, _frame(shape))
            for frame in frames[start : bisect_left(frames, _frame(following))]:
                yield frame, _between(shape, following, frame)


def _has_frame(shape: ET.Element) -> bool:
    text = shape.get("frame", "").strip()
    return text.isdecimal() and len(text) < _LONGEST


def _frame(shape: ET.Element) -> int:
    return int(shape.get("frame", "0"))


def _between(first: ET.Element, second: ET.Element, frame: int) -> ET.Element:
    """The shape at a frame between two others."""
    moved = ET.Element(first.tag, first.attrib)
    moved.extend(first)
    if first.tag != "box" or second.tag != "box" or is_true(second, "outside"):
        return moved
    share = (frame - _frame(first)) / (_frame(second) - _frame(first))
    for side in _SIDES:
        try:
            start, end = float(first.get(side, "")), float(second.get(side, ""))
        except ValueError:  # reported where the shape itself is read
            continue
        moved.set(side, repr(start + share * (end - start)))
    return moved
