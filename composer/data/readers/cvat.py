"""CVAT's XML 1.1: annotations of images, and tracks in videos, whose frames count from 0.

See docs.cvat.ai, XML annotation format.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from composer.data.dataset import Dataset
from composer.data.faults import BadPart
from composer.data.json_values import are_numbers, as_integer
from composer.data.readers.flip_pairs import index_pairs
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.outlines import make_ellipse, make_rectangle
from composer.data.readers.record_builder import DatasetBuilder, FoundImage, read_size
from composer.data.readers.video_tracks import interpolate, is_true
from composer.data.records import ImageId
from composer.data.xml_file import parse_xml
from composer.documents import Name
from composer.errors import DataError
from composer.structures import encode_mask

_SHAPES = ("box", "polygon", "ellipse", "mask", "skeleton")
_WITHOUT_AREA = ("polyline", "points", "cuboid")
_NO_OBJECTS = ("points", "tag")  # types of labels
_LONGEST = 10  # digits of a number
_LAST_NUMBER = re.compile(r"(\d+)\D*$")


def cvat(
    *,
    annotations: Path,
    images: Path | None = None,
    classes: tuple[str, ...] | None = None,
    keypoint_flip_pairs: list[tuple[Name, Name]] | None = None,
) -> Dataset:
    """Reads boxes, polygons, ellipses, masks and skeletons, whose points are keypoints.

    Objects of a track that are outside in a frame are left out there. Boxes between two key frames
    that are not in the file lie between those of the key frames, as in CVAT.

    Args:
        annotations: the XML file.
        images: the folder of the images; by default that of the file. The image of a frame of a
            video has its number, from 0, at the end of its name: `frame_000000.png`.
        classes: names of the classes in order; by default those of the task.
        keypoint_flip_pairs: names of keypoints that change places in a mirror, [] if none does; by
            default they are unknown, and keypoints are not mirrored.

    Raises:
        DataError: the file cannot be read, or is not CVAT's.
    """
    root = read_cvat(annotations)
    points = list_skeleton_points(root)
    builder = DatasetBuilder(
        classes or list_labels(root),
        keypoint_names=points,
        flip_pairs=index_pairs(keypoint_flip_pairs or [], points),
        no_flip_pairs=keypoint_flip_pairs == [],
    )
    finder = ImageFinder(images or annotations.parent)
    for entry in root.findall("image"):
        image = _open_image(entry, finder, builder)
        if image is not None:
            for number, shape in enumerate(entry):
                _add(shape, _find_label(shape), image, f"{shape.tag} {number}", points)
    if root.find("track") is not None:
        _read_tracks(root, finder, builder, points)
    return builder.build(annotations.resolve().parent.name)


def read_cvat(file: Path) -> ET.Element:
    """The root of CVAT's document.

    Raises:
        DataError: the file cannot be read, or is not CVAT's.
    """
    try:
        root = parse_xml(file)
    except BadPart as bad:
        raise DataError(bad.message) from None
    if not is_cvat(root):
        raise DataError(
            f"{file}: it is no XML of CVAT, which has <image> or <track> in <annotations>"
        )
    return root


def is_cvat(root: ET.Element) -> bool:
    """Whether a document is one of CVAT's."""
    return root.tag == "annotations" and any(
        root.find(tag) is not None for tag in ("image", "track", "meta")
    )


def list_labels(root: ET.Element) -> list[str]:
    """The names of the labels in the order of the task; of all that occur if it lists none.

    The points of skeletons are labels, too, and so are tags of whole images, which no object has:
    both are left out.
    """
    listed = [
        label.findtext("name", "").strip()
        for label in root.iterfind(".//labels/label")
        if not label.findtext("parent", "").strip()
        and label.findtext("type", "").strip() not in _NO_OBJECTS
    ]
    if listed:
        return list(dict.fromkeys(listed))
    shapes = [shape for shape in root.iterfind("image/*") if shape.tag in _SHAPES]
    return sorted(set(map(_find_label, [*shapes, *root.iterfind("track")])) - {""})


def _find_label(shape: ET.Element) -> str:
    return shape.get("label", "").strip()


def list_skeleton_points(root: ET.Element) -> list[str]:
    """The names of the points of skeletons, in the order of the task or of the first skeleton."""
    found = {point.get("label", ""): None for point in root.iterfind(".//skeleton/points")}
    order = [
        label.findtext("name", "").strip()
        for label in root.iterfind(".//labels/label")
        if label.findtext("parent", "").strip()
    ]
    return [*(name for name in dict.fromkeys(order) if name in found)] or list(found)


def _open_image(
    entry: ET.Element, finder: ImageFinder, builder: DatasetBuilder
) -> FoundImage | None:
    size = _to_lengths(entry.get("height"), entry.get("width"))
    return builder.find_image(finder, entry.get("name", ""), size=size)


def _to_lengths(height: str | None, width: str | None) -> tuple[int, int] | None:
    texts = [side.strip() for side in (height, width) if side is not None]
    sides = [int(text) for text in texts if text.isdecimal() and len(text) < _LONGEST]
    return (sides[0], sides[1]) if len(sides) == 2 and min(sides) > 0 else None


def _add(
    shape: ET.Element, label: str, image: FoundImage, place: str, points: Sequence[str]
) -> None:
    """Adds a shape to an image; tags are of the image and are passed over."""
    if shape.tag in ("tag", "attribute"):
        return
    try:
        if shape.tag in _WITHOUT_AREA:
            raise BadPart("no_object", f"a '{shape.tag}' has no area, and is no object")
        box, segmentation, keypoints = _read_shape(shape, image, points)
    except BadPart as bad:
        image.note(bad.kind, bad.message, place)
        return
    image.add(label, box, segmentation=segmentation, keypoints=keypoints, place=place)


Shape = tuple[Sequence[float] | None, object, Sequence[float] | None]


def _read_shape(shape: ET.Element, image: FoundImage, points: Sequence[str]) -> Shape:
    """The box, the mask and the keypoints of a shape, as far as it has them."""
    if shape.tag == "box":
        return _read_box(shape)
    if shape.tag == "polygon":
        return None, [[value for point in _read_points(shape) for value in point]], None
    if shape.tag == "ellipse":
        x, y, radius_x, radius_y = _read_numbers(shape, "cx", "cy", "rx", "ry")
        outline = make_ellipse(x, y, radius_x, radius_y, _read_angle(shape))
        return None, [outline], None
    if shape.tag == "mask":
        return None, _read_mask(shape, image), None
    if shape.tag == "skeleton":
        return _read_skeleton(shape, points)
    raise BadPart("malformed", f"there is no shape '{shape.tag}' in CVAT")


def _read_box(shape: ET.Element) -> Shape:
    """A box; one that is turned is the outline of its corners."""
    x0, y0, x1, y1 = _read_numbers(shape, "xtl", "ytl", "xbr", "ybr")
    angle = _read_angle(shape)
    if not angle:
        return (x0, y0, x1, y1), None, None
    corners = make_rectangle((x0, y0, x1, y1), angle, (x0 + x1) / 2, (y0 + y1) / 2)
    return None, [corners], None


def _read_angle(shape: ET.Element) -> float:
    """The rotation in radians; CVAT has degrees, clockwise."""
    return math.radians(_read_numbers(shape, "rotation")[0]) if shape.get("rotation") else 0.0


def _read_numbers(shape: ET.Element, *names: str) -> list[float]:
    try:
        values = [float(shape.get(name, "")) for name in names]
    except ValueError:
        values = []
    if not values or not are_numbers(values):
        raise BadPart("malformed", f"a '{shape.tag}' has the numbers {', '.join(names)}")
    return values


def _read_points(shape: ET.Element) -> list[tuple[float, float]]:
    """Points that are written as `x,y;x,y`."""
    try:
        pairs = [pair.split(",") for pair in shape.get("points", "").split(";") if pair.strip()]
        return [(float(x), float(y)) for x, y in pairs]
    except ValueError:
        raise BadPart("malformed", f"the 'points' of a '{shape.tag}' are x,y;x,y;...") from None


def _read_mask(shape: ET.Element, image: FoundImage) -> object:
    """Run lengths of the whole image, of those of a part, row by row, from the background on."""
    sides = [as_integer(side) for side in _read_numbers(shape, "left", "top", "width", "height")]
    left, top, width, height = (-1 if side is None else side for side in sides)
    rows, columns = image.confirm_size()
    try:
        runs = [int(run) for run in shape.get("rle", "").split(",") if run.strip()]
    except ValueError:
        raise BadPart("bad_mask", "the 'rle' of a mask is numbers of pixels") from None
    lowest = min([left, top, width, height, *runs])
    if lowest < 0 or left + width > columns or top + height > rows:
        raise BadPart("bad_mask", "the mask is not within the image")
    if sum(runs) != width * height:
        raise BadPart("bad_mask", f"the runs make {sum(runs)} pixels of {width * height}")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    whole = np.zeros((rows, columns), dtype=bool)
    whole[top : top + height, left : left + width] = values
    return encode_mask(whole)


def _read_skeleton(shape: ET.Element, points: Sequence[str]) -> Shape:
    """A skeleton: its points are keypoints, and the box is the one around them."""
    found: dict[str, tuple[float, float, float]] = {}
    for point in shape.iterfind("points"):
        ((x, y),) = _read_points(point)[:1] or [(0.0, 0.0)]
        visibility = (
            0.0 if is_true(point, "outside") else 1.0 if is_true(point, "occluded") else 2.0
        )
        found[point.get("label", "")] = (x, y, visibility)
    labelled = [(x, y) for x, y, visibility in found.values() if visibility]
    if not labelled:
        raise BadPart("bad_keypoints", "no point of the skeleton is within the image")
    xs, ys = zip(*labelled, strict=True)
    keypoints = [v for name in points for v in found.get(name, (0.0, 0.0, 0.0))]
    return (min(xs), min(ys), max(xs), max(ys)), None, keypoints


def _read_tracks(
    root: ET.Element, finder: ImageFinder, builder: DatasetBuilder, points: Sequence[str]
) -> None:
    """The objects of all tracks on the images of their frames."""
    files = _number_frames(finder)
    size = _to_lengths(
        root.findtext(".//original_size/height"), root.findtext(".//original_size/width")
    )
    images: dict[int, FoundImage | None] = {}
    for frame in sorted(files):  # frames without an object are images, too
        images[frame] = _open_frame(files[frame], size, finder, builder)
    missing: set[int] = set()
    for track in root.iterfind("track"):
        label, number = _find_label(track), track.get("id", "?")
        for frame, shape in interpolate(track, sorted(files)):
            place = f"track {number}, frame {frame}"
            if frame not in images:
                missing.add(frame)
            elif (image := images[frame]) is not None:
                _add(shape, label, image, place, points)
    if missing:
        message = (
            f"{len(missing)} frames with objects have no image, the first {min(missing)}; frames "
            f"count from 0, and the images have the numbers {_describe_range(files)}"
        )
        builder.log.add("missing_file", message)


def _open_frame(
    file: Path, size: tuple[int, int] | None, finder: ImageFinder, builder: DatasetBuilder
) -> FoundImage | None:
    try:
        height, width = size or read_size(file)
    except BadPart as bad:
        builder.log.add(bad.kind, bad.message, file.name)
        return None
    name: ImageId = file.relative_to(finder.roots[0]).as_posix()
    return builder.add_image(file, name, height, width)


def _number_frames(finder: ImageFinder) -> Mapping[int, Path]:
    """The images by the last number in their names."""
    return dict(_list_numbered(finder))


def _list_numbered(finder: ImageFinder) -> Iterator[tuple[int, Path]]:
    for file in finder.images():
        if found := _LAST_NUMBER.search(file.stem):
            yield int(found[1]), file


def _describe_range(files: Mapping[int, Path]) -> str:
    return f"{min(files)} to {max(files)}" if files else "of no frame (extract those of the video)"
